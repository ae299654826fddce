"""Terraform with the provider of this machine, and a stand-in for AWS."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]
MIRRORS = ("/opt", "/usr/local", "/usr/share", str(Path.home()))
PROVIDER = "registry.terraform.io/hashicorp/aws"
SERVICES = (
    "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "iam", "lambda", "logs", "rds", "s3", "scheduler",
    "secretsmanager", "sns", "sqs", "sts",
)  # fmt: skip


def provider_mirror() -> Path:
    """The folder that Terraform is given by `-plugin-dir`; skips the test where there is none."""
    if shutil.which("terraform") is None:
        pytest.skip("SKIPPED: terraform is not installed")
    if named := os.environ.get("TF_PLUGIN_DIR"):
        return Path(named)
    for place in MIRRORS:
        for found in _below(Path(place), depth=3):
            if any((found / PROVIDER).glob("*/*/terraform-provider-aws*")):
                return found
    pytest.skip("SKIPPED: Terraform's AWS provider is not on this machine; TF_PLUGIN_DIR may name its mirror")


def _below(folder: Path, depth: int) -> Iterator[Path]:
    yield folder
    if depth:
        try:
            children = [child for child in folder.iterdir() if child.is_dir() and not child.is_symlink()]
        except OSError:
            return
        for child in children:
            yield from _below(child, depth - 1)


class Terraform:
    """One working directory of Terraform's: a copy, so that nothing is written into the project."""

    def __init__(self, folder: Path, variables: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            **{
                f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
                for name, value in (variables or {}).items()
            },
        }

    def run(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout[-4000:] + done.stderr[-6000:]
        return done.stderr if fails else done.stdout

    def init(self, mirror: Path) -> None:
        self.run("init", "-input=false", "-no-color", f"-plugin-dir={mirror}")

    def plan(self, *arguments: str) -> Any:
        """The plan as Terraform's JSON."""
        self.run("plan", "-input=false", "-no-color", "-out=plan", *arguments)
        return json.loads(self.run("show", "-json", "plan"))


def copy_of(name: str, into: Path) -> Path:
    """A copy of `infra/NAME`."""
    shutil.copytree(ROOT / "infra" / name, into / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return into / name


def point_at(folder: Path, url: str) -> None:
    """Have the AWS provider of this configuration talk to the stand-in."""
    endpoints = "\n".join(f'    {service} = "{url}"' for service in SERVICES)
    (folder / "override.tf").write_text(
        f"""provider "aws" {{
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false
  s3_use_path_style           = true
  endpoints {{
{endpoints}
  }}
}}
"""
    )


@contextmanager
def aws() -> Iterator[str]:
    """moto's server on a free port, until the block ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    # No container engine is asked to run a function: what it answers is said by `functions_answer`.
    requests.post(f"{url}/moto-api/config", json={"lambda": {"use_docker": False}}, timeout=10).raise_for_status()
    try:
        yield url
    finally:
        server.stop()


def functions_answer(url: str, *answers: Any, region: str = "eu-west-1") -> None:
    """What the next invocations of functions answer, one after the other."""
    body = {"results": [json.dumps(answer) for answer in answers], "region": region}
    requests.post(f"{url}/moto-api/static/lambda-simple/response", json=body, timeout=10).raise_for_status()


def changes(plan: Any) -> dict[str, Sequence[str]]:
    """address -> actions of every resource that the plan changes"""
    return {
        change["address"]: change["change"]["actions"]
        for change in plan.get("resource_changes", [])
        if change["mode"] == "managed" and change["change"]["actions"] != ["no-op"]
    }


def planned(plan: Any, kind: str) -> list[dict[str, Any]]:
    """The planned values of every resource of a kind, in modules, too."""

    def walk(module: Any) -> Iterator[dict[str, Any]]:
        for resource in module.get("resources", []):
            if resource["type"] == kind:
                yield {"address": resource["address"], **resource["values"]}
        for child in module.get("child_modules", []):
            yield from walk(child)

    return list(walk(plan["planned_values"]["root_module"]))


def unlike_before(plan: Any) -> dict[str, Any]:
    """What a plan would change in meaning: the stand-in spaces JSON otherwise than Terraform does."""
    unlike = {}
    for address in changes(plan):
        change = next(each["change"] for each in plan["resource_changes"] if each["address"] == address)
        before, after = change["before"] or {}, change["after"] or {}
        different = {name for name in {*before, *after} if _meaning(before.get(name)) != _meaning(after.get(name))}
        if different:
            unlike[address] = {name: (before.get(name), after.get(name)) for name in different}
    return unlike


def _meaning(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
