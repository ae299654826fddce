"""What an operator does: rulings with a trail, reports, tables, forgetting."""

import json
import re

import pytest
from sqlalchemy import create_engine, text

from benchmark_qa.records.score import PersonsWork, WorkReading
from benchmark_qa.store.database import Database
from benchmark_qa.store.exposure import KeptWork
from benchmark_qa.store.schema import HEAD
from benchmark_qa.store.score_store import SqlScoreStore
from tests.integration.store.deployments import benchmark_qa
from tests.records import NOON, PROJECT, data_hash, record


@pytest.fixture
def filled(url: str) -> str:
    store = SqlScoreStore(url)
    store.save([record(n, annotator=f"{'zoë' if n % 2 else 'bob'}@example.com") for n in range(10)])
    store.close()
    return url


def tasks_by_annotator(url: str) -> dict[str, int]:
    done = benchmark_qa("report", "--json", url=url)
    assert done.returncode == 0, done.stderr
    return {line["annotator"]: line["tasks"] for line in json.loads(done.stdout)["annotators"]}


def test_an_item_is_excluded_and_restored_and_the_trail_names_the_operator(filled: str) -> None:
    excluded = benchmark_qa("truth", "exclude", data_hash(1), "--reason", "blurred", "--operator", "Ada", url=filled)
    assert excluded.returncode == 0, excluded.stderr
    assert tasks_by_annotator(filled) == {"bob@example.com": 5, "zoë@example.com": 4}
    again = benchmark_qa("truth", "exclude", data_hash(1), "--reason", "blurred", url=filled)
    assert (again.returncode, "excluded already" in again.stderr) == (2, True)
    trail = json.loads(benchmark_qa("actions", "list", "--json", url=filled).stdout)
    assert [(each["operator"], each["kind"], each["subject"], each["reason"]) for each in trail] == [
        ("Ada", "exclude", data_hash(1), "blurred")
    ]
    undone = benchmark_qa(
        "actions", "undo", trail[0]["action_id"][:8], "--reason", "it was fine", "--operator", "Grace", url=filled
    )
    assert undone.returncode == 0, undone.stderr
    assert tasks_by_annotator(filled) == {"bob@example.com": 5, "zoë@example.com": 5}
    newest, oldest = json.loads(benchmark_qa("actions", "list", "--json", url=filled).stdout)
    assert (newest["operator"], newest["kind"]) == ("Grace", "undo")
    assert oldest["undone_by"] == newest["action_id"]
    twice = benchmark_qa("actions", "undo", trail[0]["action_id"][:8], "--reason", "again", url=filled)
    assert (twice.returncode, "undone already" in twice.stderr) == (2, True)


def test_another_answer_is_accepted_and_the_items_scores_are_stale_until_scored_again(filled: str) -> None:
    accepted = benchmark_qa(
        "truth", "accept-also", data_hash(3), "--branch", "encord-1", "--reason", "as good", url=filled
    )
    assert accepted.returncode == 0, accepted.stderr
    report = json.loads(benchmark_qa("report", "--json", url=filled).stdout)
    assert report["stale"][record(3).identity.key] == "another answer is accepted"
    items = json.loads(benchmark_qa("truth", "list", "--json", url=filled).stdout)["items"]
    assert [item["data_hash"] for item in items if item["accepted_answers"]] == [data_hash(3)]
    unknown = benchmark_qa("truth", "accept-also", data_hash(3), "--branch", "none", "--reason", "x", url=filled)
    assert (unknown.returncode, "no scored labels" in unknown.stderr) == (2, True)


def test_a_person_is_forgotten_and_the_trail_does_not_say_who(filled: str) -> None:
    work = PersonsWork(done=1, assigned=None, reviewed=0, accepted_at_once=0, rejections=0)
    reading = WorkReading(
        since=NOON,
        read_at=NOON,
        people=dict.fromkeys(("zoë@example.com", "bob@example.com"), work),
        seconds={("zoë@example.com", data_hash(1)): 30.0, ("bob@example.com", data_hash(2)): 20.5},
    )
    kept = KeptWork(Database(filled))
    kept.replace(PROJECT, WorkReading(since=NOON, read_at=NOON))
    kept.replace(PROJECT, reading)
    assert kept.last(PROJECT) == reading
    assert kept.last("another project") is None
    assert benchmark_qa("db", "forget", "zoë@example.com", "--yes", "--operator", "Ada", url=filled).returncode == 0
    assert tasks_by_annotator(filled) == {"bob@example.com": 5}
    engine = create_engine(filled)
    with engine.connect() as connection:
        for table in ("score_records", "annotator_totals", "alert_states", "actions", "people_at_work", "work_times"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert "zoë" not in repr(rows), table
    assert (last := kept.last(PROJECT)) is not None
    assert (last.people, last.seconds) == ({"bob@example.com": work}, {("bob@example.com", data_hash(2)): 20.5})
    engine.dispose()


def test_what_is_past_its_time_is_deleted_and_the_sums_can_be_rebuilt(filled: str) -> None:
    assert "0 scores deleted" in benchmark_qa("db", "purge", "--before", "2026-01-01", "--yes", url=filled).stdout
    engine = create_engine(filled)
    with engine.begin() as connection:
        connection.execute(text("UPDATE annotator_totals SET tasks = 99"))
    engine.dispose()
    assert benchmark_qa("db", "rebuild", url=filled).returncode == 0
    assert re.search(r"^bob@example.com +5 ", benchmark_qa("report", url=filled).stdout, re.MULTILINE)
    assert "10 scores deleted" in benchmark_qa("db", "purge", "--before", "2027-01-01", "--yes", url=filled).stdout
    assert tasks_by_annotator(filled) == {}


def test_the_past_is_reported_by_the_clocks_that_were_asked_for(filled: str) -> None:
    """The scores are of noon UTC: one o'clock in Zurich."""
    arguments = ("report", "--json", "--timezone", "Europe/Zurich", "--as-of")
    assert json.loads(benchmark_qa(*arguments, "2026-03-01T12:30", url=filled).stdout)["annotators"] == []
    assert len(json.loads(benchmark_qa(*arguments, "2026-03-01T13:30", url=filled).stdout)["annotators"]) == 2
    wrong = benchmark_qa("report", "--timezone", "Mars/Olympus", url=filled)
    assert (wrong.returncode, "no time zone" in wrong.stderr) == (2, True)
    wrong = benchmark_qa("report", "--as-of", "yesterday", url=filled)
    assert (wrong.returncode, "is no moment" in wrong.stderr) == (2, True)


def test_every_format_is_written(filled: str, tmp_path: object) -> None:
    for format_, begins in (("html", b"<!DOCTYPE html>"), ("parquet", b"PAR1"), ("csv", b"tasks,"), ("json", b"{")):
        path = f"{tmp_path}/report.{format_}"
        done = benchmark_qa("report", "--format", format_, "--output", path, url=filled)
        assert done.returncode == 0, done.stderr
        with open(path, "rb") as file:
            assert file.read(len(begins)) == begins
    assert benchmark_qa("report", "--format", "markdown", url=filled).stdout.startswith("**Benchmark QA**: 10 tasks")


def test_tables_are_brought_up_to_date_by_the_command(empty_url: str) -> None:
    if empty_url.startswith("postgresql"):
        behind = benchmark_qa("report", url=empty_url)
        assert (behind.returncode, "run 'benchmark-qa db upgrade'" in behind.stderr) == (3, True)
    done = benchmark_qa("db", "upgrade", url=empty_url)
    assert f"to {HEAD}" in done.stdout
    assert f"at revision {HEAD}" in benchmark_qa("db", "upgrade", url=empty_url).stdout
    store = SqlScoreStore(empty_url)
    store.save([record()])
    assert store.latest(PROJECT) == [record()]
    store.close()
