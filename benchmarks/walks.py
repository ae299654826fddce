"""How many of our files a reader opens to follow one request: those in which a function is called while it runs.

All modules are imported first, so imports do not count. Nothing is timed. `tests/integration/test_walks.py` holds the
numbers.
"""

import asyncio
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import FrameType
from typing import Any
from unittest.mock import patch

import benchmark_qa
from emulator.testing import running
from tests.integration.service.sandbox import (
    PRODUCTION,
    ROUTE_SECRET,
    SCORE_SECRET,
    Unit,
    service_environment,
    signed,
    world,
)

ROOT = Path(benchmark_qa.__file__).parent
IMAGE = {"id": 1, "width": 640, "height": 480, "ground_truth": [[1, 1, 20, 40]], "annotations": {"a@example.com": []}}
MOST: Mapping[str, int] = {"route": 13, "score": 42, "boxes to F1": 16, "set-up": 55, "report": 45}
"""Files that each walk may open at most."""


def main() -> None:
    """Print every walk's files, and how many there may be."""
    for name, files in walks().items():
        print(f"{name}: {len(files)} files, at most {MOST[name]}")
        print("    " + "\n    ".join(sorted(files)) + "\n")


def walks() -> dict[str, set[str]]:
    """The files of each walk, relative to the package."""
    _import_everything()
    with tempfile.TemporaryDirectory() as folder:
        return {
            "route": _request("route", ROUTE_SECRET, "Routing", Path(folder)),
            "score": _request("score", SCORE_SECRET, "Score", Path(folder)),
            "boxes to F1": _boxes(),
            "set-up": _set_up(Path(folder)),
            "report": _report(Path(folder)),
        }


def _import_everything() -> None:
    for module in walk_packages([str(ROOT)], "benchmark_qa."):
        name = module.name
        if ".migrations" not in name and not name.endswith(("__main__", "aws_lambda", "sqs", "cloud_tasks")):
            import_module(name)


@contextmanager
def _files_called(files: set[str]) -> Iterator[None]:
    """Note the file of every function of ours that is called inside the block, in any thread."""

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            path = frame.f_code.co_filename
            if path.startswith(str(ROOT)):
                files.add(path[len(str(ROOT)) + 1 :])

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]  # None ends it


def _request(agent: str, secret: str, stage: str, folder: Path) -> set[str]:
    from benchmark_qa.config.settings import load_settings  # noqa: PLC0415
    from benchmark_qa.service.app import create_app  # noqa: PLC0415

    unit = Unit(IMAGE, stage=stage)
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": unit.data_hash, "frame": 0}).encode()
    files: set[str] = set()
    with running(world([unit], "http://127.0.0.1:9")) as platform:
        environment = service_environment(platform.url, folder, {})
        with patch.dict("os.environ", environment, clear=True):
            app = create_app(load_settings(endpoints=True))
        with _files_called(files):
            status, answer = asyncio.run(_post(app, f"/agents/{agent}", body, signed(body, secret)))
    if status != 200:
        sys.exit(f"the {agent} walk was answered {status}: {answer!r}")
    return files


async def _post(app: Callable[..., Any], path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """One request to an ASGI application, without a socket."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    received = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        try:
            return next(received)
        except StopIteration:
            await asyncio.sleep(3600)
            raise

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _boxes() -> set[str]:
    from benchmark_qa import Ontology, read_label_row, score_task  # noqa: PLC0415
    from tests.unit.rows import PEDESTRIAN_EDITOR, box_row  # noqa: PLC0415

    files: set[str] = set()
    with _files_called(files):
        ontology = Ontology.from_editor(PEDESTRIAN_EDITOR)
        row = read_label_row(box_row("image", [[0, 0, 9, 9], [2, 2, 9, 9]]), ontology)
        _ = score_task(row, row, ontology).objects.f1
    return files


def _set_up(folder: Path) -> set[str]:
    from tests.integration.setup.conftest import Site, empty_world  # noqa: PLC0415
    from tests.integration.setup.setup_files import write_setup  # noqa: PLC0415

    file, files = write_setup(folder), set[str]()
    with running(empty_world()) as served:
        site = Site(served)
        with _files_called(files):
            done = site.run("setup", "apply", file, "--yes")
    if done.exit_code != 0:
        sys.exit(f"the set-up walk failed: {done.output}")
    return files


def _report(folder: Path) -> set[str]:
    from benchmark_qa.store.score_store import SqlScoreStore  # noqa: PLC0415
    from tests.integration.store.deployments import benchmark_qa as command  # noqa: PLC0415
    from tests.records import record  # noqa: PLC0415

    url, files = f"sqlite:///{folder / 'report.sqlite'}", set[str]()
    store = SqlScoreStore(url)
    store.save([record(number) for number in range(12)])
    store.close()
    with patch.dict(os.environ), _files_called(files):
        done = command("report", url=url)
    if done.returncode != 0:
        sys.exit(f"the report walk failed: {done.stderr}")
    return files


if __name__ == "__main__":
    main()
