"""The verifier proves itself: of an emulator with one switch turned it finds that difference, and no other."""

import json
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from emulator.__main__ import app
from emulator.ledger import read_ledger
from emulator.quickstart.sandbox import PRODUCTION_TEMPLATE, Places, write_sandbox
from emulator.testing import Running, running
from emulator.verify.command import ALL_SO, DIFFERS, NOT_TRIED
from emulator.verify.observing import CALLS, ONE_KEY, PEOPLE
from emulator.world import World
from tests.switches import TURNED as OTHER_READINGS

SEEN_BY_ALL = (
    "branch_author", "consensus_approval", "consensus_branches_after_block", "consensus_entered_again",
    "detached_labels", "largest_bundle", "moved_task_keeps_annotator", "reading_marks_in_progress",
    "rejected_task_keeps_annotator", "row_timestamps", "template_stage_uuids",
)  # fmt: skip
TURNED: dict[str, Any] = {name: OTHER_READINGS[name] for name in SEEN_BY_ALL} | {"priority_digits": 3}
# These are seen only where the platform can call.
SEEN_IN_CALLS = (
    "agent_retry_after", "signature_headers", "submitted_event_type", "webhook_hashes", "webhook_moves",
    "webhook_parts",
)  # fmt: skip
TURNED_CALLS: dict[str, Any] = {name: OTHER_READINGS[name] for name in SEEN_IN_CALLS} | {
    "agent_concurrency": 5,
    "agent_timeout_seconds": 2,
    "auto_retries": 1,
    "auto_retry_delay_seconds": 1.5,
}
WITHOUT_SWITCH = {
    "agents.decision-is-a-name", "analytics.actions", "issues.who", "metadata.unchecked", "priorities.order",
    "templates.pathway-uuids",
}  # fmt: skip
# How long a job takes is no reading of anything that the platform says.
NO_READING = {"upload_job_seconds"}


def sandbox(folder: Path) -> dict[str, Any]:
    """The files of a sandbox, and its world."""
    write_sandbox(folder, Places("http://127.0.0.1:1", "http://127.0.0.1:2"))
    world: dict[str, Any] = json.loads((folder / "world.json").read_text())
    return world


def verified(folder: Path, **switches: Any) -> tuple[int, str]:
    """Exit code and words of the command, run against an emulator with these switches."""
    world = sandbox(folder)
    with running(World.model_validate({**world, "switches": switches})) as served:
        ran = CliRunner().invoke(app, ["verify", str(folder), "--url", served.url])
    return ran.exit_code, ran.output


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def live_world(folder: Path, port: int | None = None) -> dict[str, Any]:
    """A sandbox's world whose template is as the README says: a block of two and, with a port, agents and webhooks."""
    world = sandbox(folder)
    (template,) = [one for one in world["workflow_templates"] if one["uuid"] == PRODUCTION_TEMPLATE]
    for stage in template["stages"]:
        if stage["type"] == "consensus_annotation":
            stage["annotators"] = 2
        if port is not None and stage["type"] == "agent":
            stage["agent"] = {"url": f"http://127.0.0.1:{port}/{stage['title'].lower()}", "secret": "s" * 32}
        if port is not None and stage["type"] in ("annotation", "consensus_annotation", "complete"):
            stage["webhook"] = {"url": f"http://127.0.0.1:{port}/events", "secret": "s" * 32}
    return world


def live(folder: Path, served: Running, *more: str, second: bool = True) -> list[str]:
    """The command line of a live run, with the keys of a sandbox."""
    keys = folder / "keys"
    words = ["verify", "--live", "--yes", "--domain", served.url, "--template", PRODUCTION_TEMPLATE]
    words += ["--key", str(keys / "ops"), "--email", "ops@example.com", "--journals", str(folder)]
    if second:
        words += ["--second-key", str(keys / "anna"), "--second-email", "anna@example.com"]
    return [*words, *more]


def run_live(
    folder: Path, *more: str, port: int | None = None, second: bool = True, **switches: Any
) -> tuple[int, str]:
    world = live_world(folder, port)
    if port is not None:
        more = (*more, "--public-url", f"http://127.0.0.1:{port}", "--port", str(port))
    with running(World.model_validate({**world, "switches": switches})) as served:
        ran = CliRunner().invoke(app, live(folder, served, *more, second=second))
    return ran.exit_code, ran.output


def about(output: str, word: str) -> list[str]:
    told = [line.removeprefix(word).split() for line in output.splitlines() if line.startswith(word)]
    return sorted(words[0].rstrip(":") for words in told)


def named(switch: str) -> list[str]:
    """The behaviours of the ledger that a switch turns."""
    return [behaviour.id for behaviour in read_ledger() if switch in behaviour.switches]


def test_everything_is_as_the_ledger_says(tmp_path: Path) -> None:
    code, output = verified(tmp_path / "box")
    assert about(output, "as told") == sorted(ONE_KEY | PEOPLE)
    assert code == ALL_SO


@pytest.mark.parametrize("switch", TURNED)
def test_a_turned_switch_is_found_and_nothing_else(switch: str, tmp_path: Path) -> None:
    code, output = verified(tmp_path / "box", **{switch: TURNED[switch]})
    assert about(output, "differs") == named(switch)
    assert about(output, "not tried") == []
    assert code == DIFFERS


def test_every_switch_has_an_observation_that_finds_it() -> None:
    switches = {switch for behaviour in read_ledger() for switch in behaviour.switches}
    assert TURNED.keys() | TURNED_CALLS.keys() == switches - NO_READING
    turned = {name for switch in (*TURNED, *TURNED_CALLS) for name in named(switch)}
    assert turned == (ONE_KEY | PEOPLE | CALLS).keys() - WITHOUT_SWITCH


def test_what_cannot_be_tried_is_told_with_the_reason(tmp_path: Path) -> None:
    world = sandbox(tmp_path / "box")
    with running(World.model_validate({**world, "workflow_templates": []})) as served:
        ran = CliRunner().invoke(app, ["verify", str(tmp_path / "box"), "--url", served.url])
    assert ran.exit_code == NOT_TRIED
    assert about(ran.output, "not tried") == sorted(ONE_KEY | PEOPLE)
    assert "There is no workflow template" in ran.output


@pytest.mark.parametrize("url", ["https://api.encord.com", "http://10.0.0.1:80", "nonsense"])
def test_a_sandbox_is_nowhere_but_on_this_machine(url: str, tmp_path: Path) -> None:
    sandbox(tmp_path / "box")
    ran = CliRunner().invoke(app, ["verify", str(tmp_path / "box"), "--url", url])
    assert ran.exit_code == 2
    assert "not on this machine" in " ".join(ran.output.split())


def test_one_key_tries_what_needs_nobody_else(tmp_path: Path) -> None:
    code, output = run_live(tmp_path / "box", second=False)
    assert about(output, "as told") == sorted(ONE_KEY)
    assert code == ALL_SO


def test_two_keys_try_a_block_of_two(tmp_path: Path) -> None:
    code, output = run_live(tmp_path / "box")
    assert about(output, "as told") == sorted(ONE_KEY | PEOPLE)
    assert code == ALL_SO


def test_a_public_address_sees_what_is_sent(tmp_path: Path) -> None:
    code, output = run_live(tmp_path / "box", port=free_port())
    assert about(output, "as told") == sorted(ONE_KEY | PEOPLE | CALLS), output
    assert code == ALL_SO


@pytest.mark.slow
@pytest.mark.parametrize("switch", TURNED_CALLS)
def test_a_turned_switch_of_calls_is_found_and_nothing_else(switch: str, tmp_path: Path) -> None:
    code, output = run_live(tmp_path / "box", port=free_port(), **{switch: TURNED_CALLS[switch]})
    assert about(output, "differs") == named(switch), output
    assert about(output, "not tried") == []
    assert code == DIFFERS


@pytest.mark.slow
@pytest.mark.parametrize("switch", TURNED)
def test_two_keys_find_a_turned_switch_and_nothing_else(switch: str, tmp_path: Path) -> None:
    code, output = run_live(tmp_path / "box", **{switch: TURNED[switch]})
    assert about(output, "differs") == named(switch), output
    assert about(output, "not tried") == []
    assert code == DIFFERS


def left_by(output: str) -> set[str]:
    """The hashes that cleaning has told."""
    return {line.split()[2].rstrip(",") for line in output.splitlines() if line.startswith("left: ")}


def without(world: dict[str, Any], hashes: set[str]) -> dict[str, Any]:
    """A dumped world without the projects, datasets and ontologies of these hashes, and their labels."""
    kept = {
        kind: [one for one in world[kind] if one["hash"] not in hashes]
        for kind in ("projects", "datasets", "ontologies")
    }
    return {**world, **kept, "labels": [one for one in world["labels"] if one["project"] not in hashes]}


def dumped(served: Running) -> dict[str, Any]:
    world: dict[str, Any] = requests.get(f"{served.url}/_emulator/world", timeout=30).json()
    return world


def status_of(world: dict[str, Any], hashes: set[str]) -> set[str]:
    return {one["status"] for one in world["projects"] if one["hash"] in hashes}


def test_a_run_leaves_what_it_tells_and_nothing_else(tmp_path: Path) -> None:
    world = live_world(tmp_path / "box")
    with running(World.model_validate(world)) as served:
        before = dumped(served)
        ran = CliRunner().invoke(app, live(tmp_path / "box", served))
        after = dumped(served)
    left = left_by(ran.output)
    assert len(left) == 9
    assert without(after, left) == before
    assert [project.status for project in served.emulator.platform.projects.values()] == ["archived"] * 3


def test_a_second_run_uses_what_the_first_has_left_and_sees_the_same(tmp_path: Path) -> None:
    """Somebody's own archived projects are let alone, also one whose title looks like ours."""
    folder = tmp_path / "box"
    with running(World.model_validate(live_world(folder))) as served:
        runs = [CliRunner().invoke(app, live(folder, served)) for _ in range(2)]
        projects = served.emulator.platform.projects
        assert [about(run.output, "as told") for run in runs] == [sorted(ONE_KEY | PEOPLE)] * 2, runs[1].output
        assert left_by(runs[1].output) == left_by(runs[0].output)
        assert [project.status for project in projects.values()] == ["archived"] * 3
        next(iter(projects.values())).title = "Somebody's own"
        third = CliRunner().invoke(app, live(folder, served))
        assert about(third.output, "as told") == sorted(ONE_KEY | PEOPLE), third.output
        assert len(projects) == 4, "two are used again, the other made anew"


@pytest.mark.parametrize(
    ("only", "projects"),
    [(("priorities.digits", "bundles.largest"), 1), (("consensus.branch-author",), 1), (("templates.stage-uuids",), 2)],
)
def test_only_what_is_asked_for_is_tried_and_made(tmp_path: Path, only: tuple[str, ...], projects: int) -> None:
    folder = tmp_path / "box"
    words = [word for name in only for word in ("--only", name)]
    with running(World.model_validate(live_world(folder))) as served:
        ran = CliRunner().invoke(app, live(folder, served, *words))
        assert len(served.emulator.platform.projects) == projects
    assert about(ran.output, "as told") == sorted(only)
    assert ran.exit_code == ALL_SO


def test_what_cannot_be_tried_with_one_key_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    with running(World.model_validate(live_world(folder))) as served:
        ran = CliRunner().invoke(app, live(folder, served, "--only", "consensus.branch-author", second=False))
        assert requests_so_far(served) == 0
    assert ran.exit_code == 2
    assert "cannot be tried with these keys and addresses; these can:" in " ".join(ran.output.replace("│", " ").split())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_any_point_it_cleans_what_can_be_deleted(tmp_path: Path) -> None:
    """A process killed at 20 points, at random but the same ones every time; the dumps of the world are compared."""
    folder = tmp_path / "box"
    world = live_world(folder)
    points = random.Random(18).sample(range(1, 111), 20)
    with running(World.model_validate(world)) as served:
        known: set[str] = set()
        before = dumped(served)
        for point in points:
            requests.delete(f"{served.url}/_emulator/requests", timeout=30)
            run = killed_after(point, folder, served)
            cleaned = CliRunner().invoke(app, live(folder, served, "--clean", run))
            assert cleaned.exit_code == ALL_SO, cleaned.output
            known |= left_by(cleaned.output)
            assert without(dumped(served), known) == before, f"killed after {point} requests"
            states = {p.status for p in served.emulator.platform.projects.values()}
            assert states <= {"archived"}


def requests_so_far(served: Running) -> int:
    counts = requests.get(f"{served.url}/_emulator/requests?limit=0", timeout=30).json()["counts"]
    return sum(entry["count"] for entry in counts)


def killed_after(point: int, folder: Path, served: Running) -> str:
    """The name of a run that was killed when the emulator had got so many requests of it."""
    journals = set(folder.glob("*.jsonl"))
    process = subprocess.Popen(
        [sys.executable, "-m", "emulator", *live(folder, served)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
    )
    while process.poll() is None and requests_so_far(served) < point:
        pass
    process.kill()
    process.wait()
    (journal,) = set(folder.glob("*.jsonl")) - journals
    return journal.stem.removeprefix("bqa-verify-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a sandbox, or give --live"),
        (["--live"], "--live needs --template HASH"),
        (["--live", "--template", "t"], "give both --key FILE and --email ADDRESS"),
        (
            ["--live", "--template", "t", "--key", "KEY", "--email", "a@x", "--second-key", "KEY"],
            "--second-email ADDRESS",
        ),
        (
            [
                "--live",
                "--template",
                "t",
                "--key",
                "KEY",
                "--email",
                "a@x",
                "--second-key",
                "KEY",
                "--second-email",
                "a@x",
            ],
            "must be somebody else's",
        ),
        (["--live", "--template", "t", "--key", "nowhere", "--email", "a@x"], "No such file"),
        (["--live", "--template", "t", "--key", "KEY", "--email", "a@x", "--clean", "77"], "there is no journal"),
    ],
)
def test_what_is_missing_is_said(words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENCORD_SSH_KEY_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("KEY").write_text("a key", encoding="utf-8")
    ran = CliRunner().invoke(app, ["verify", *words])
    assert ran.exit_code == 2
    assert said in " ".join(ran.output.replace("│", " ").split())


def test_it_asks_first_and_makes_nothing_when_it_may_not(tmp_path: Path) -> None:
    with running(World.model_validate(live_world(tmp_path / "box"))) as served:
        words = [word for word in live(tmp_path / "box", served) if word != "--yes"]
        ran = CliRunner().invoke(app, words, input="n\n")
        assert requests_so_far(served) == 0
    assert f"At {served.url}, as ops@example.com, anna@example.com, this run makes:" in ran.output
    assert ran.exit_code == 1


def test_what_was_seen_is_recorded_in_a_ledger_and_as_evidence(tmp_path: Path) -> None:
    record = tmp_path / "record"
    code, _ = run_live(tmp_path / "box", "--record", str(record), second=False, priority_digits=3)
    assert code == DIFFERS
    noted = {behaviour.id: behaviour for behaviour in read_ledger(record / "ledger.toml")}
    assert {name for name, one in noted.items() if one.source == "live"} == ONE_KEY.keys()
    assert [name for name, one in noted.items() if one.differs] == ["priorities.digits"]
    evidence = json.loads((record / str(noted["priorities.digits"].evidence)).read_text(encoding="utf-8"))
    assert (evidence["observed"], evidence["emulator"]) == (0.123, ONE_KEY["priorities.digits"])
