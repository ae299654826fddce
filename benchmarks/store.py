"""A million score records in PostgreSQL: what the store costs beside bare psycopg executing the same statements.

A cluster of the benchmark's own. Records are made by the server itself up to each size; then 8 writer processes save
records, each of which two writers have. The statements of such a run are captured once and executed again by bare
psycopg, with ready parameters, in 8 processes, on a copy of the same database.
"""

import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmark_qa.records.score import ScoreRecord
from benchmark_qa.store.database import Database
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.store.sums import totals_query
from tests.postgresql import NoServerError, create_database, postgresql_server
from tests.records import PROJECT, record

SIZES = tuple(int(size) for size in os.environ.get("STORE_SIZES", "10000,100000,1000000").split(","))
ANNOTATORS = 200
BRANCHES = 7
WRITERS = 8
RECORDS_PER_WRITER = 2_000
BATCH = 50
ROUNDS = 3
LOOKS = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
Statement = tuple[str, Any, bool]
"""SQL, parameters, and whether they are many"""

FILL = """
INSERT INTO score_records (key, production_project, benchmark_project, data_hash, data_title, branch_name, label_hash,
  labels_edited_at, config_fingerprint, engine_version, annotator, scored_at, score, true_positives, false_positives,
  false_negatives, similarity_sum, classifications_correct, classifications_total, details)
SELECT md5(n::text), %(project)s, 'b', 'old-' || n / 7, 'image-' || n / 7 || '.jpg', 'encord-' || n %% 7, 'label-' || n,
  %(start)s + n * interval '1 second', '0123456789abcdef', '1',
  'annotator-' || n %% %(annotators)s || '@example.com', %(start)s + n * interval '1 second',
  0.5 + (n %% 50) / 100.0, n %% 9, n %% 3, n %% 4, (n %% 9) * 0.8, 0, 0, %(details)s
FROM generate_series(1, %(size)s) AS n
"""
CURRENT = """
INSERT INTO current_scores (production_project, data_hash, branch_name, key, scored_at)
SELECT production_project, data_hash, branch_name, key, scored_at FROM score_records
"""
SUMS = """
INSERT INTO annotator_totals (production_project, annotator, figure, tasks, numerator, denominator, numerator_squared,
  product, denominator_squared, tasks_with_shortfall, tasks_with_success)
SELECT production_project, annotator, figure, count(*), sum(n), sum(d), sum(n * n), sum(n * d), sum(d * d),
  count(*) FILTER (WHERE n < d), count(*) FILTER (WHERE n > 0)
FROM score_records, LATERAL (VALUES
  ('tasks', 1.0, 1.0),
  ('precision', true_positives, true_positives + false_positives),
  ('recall', true_positives, true_positives + false_negatives),
  ('f1', 2 * true_positives, 2 * true_positives + false_positives + false_negatives),
  ('mean_similarity', similarity_sum, true_positives),
  ('score', score, 1.0)
) AS shares (figure, n, d)
WHERE d > 0
GROUP BY production_project, annotator, figure
"""
DETAILS = '{"score": 0.8, "conflicts": [], "by_class": {}, "confusion": [], "requirements": []}'


def main() -> None:
    try:
        with postgresql_server() as server:
            _run(server)
    except NoServerError as missing:
        print(f"SKIPPED: {missing}")


def _run(server: str) -> None:
    console = Console(width=130)
    looks = Table("records", "per annotator", "store", "bare psycopg", "ratio", "rows read", title="leaderboard query")
    ingest = Table(
        "records before", "saved (with duplicates)", "store", "bare psycopg", "ratio", "lost or doubled", title="ingest"
    )
    for column in (*looks.columns, *ingest.columns):
        column.justify = "right"
    for size in SIZES:
        print(f"filling {size:,}", flush=True)
        url = _filled(server, size)
        look = _leaderboard(url)
        print("  leaderboard:", *look, flush=True)
        looks.add_row(f"{size:,}", f"{size // ANNOTATORS:,}", *look)
        saving = _ingest(server, url, size)
        print("  ingest:", *saving, flush=True)
        ingest.add_row(f"{size:,}", *saving)
    console.print(looks)
    console.print(f"{ANNOTATORS} annotators; medians of {LOOKS} interleaved calls")
    console.print(ingest)
    console.print(f"{WRITERS} processes, {BATCH} records a transaction; medians of {ROUNDS} rounds")


def _filled(server: str, size: int) -> str:
    url = create_database(server, f"filled_{size}")
    database = Database(url)
    database.upgrade()
    with _connect(url) as connection:
        values = {"project": PROJECT, "start": START, "annotators": ANNOTATORS, "size": size, "details": DETAILS}
        connection.execute(FILL, values)
        connection.execute(CURRENT)
        connection.execute(SUMS)
    database.close()
    with _connect(url) as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    return url


# --- leaderboard ----------------------------------------------------------------------------------------------------


def _leaderboard(url: str) -> tuple[str, str, str, str]:
    store = SqlScoreStore(url)
    sql = str(totals_query(PROJECT).compile(dialect=make_url(url).get_dialect()()))
    parameters = {"production_project_1": PROJECT, "tasks_1": 0}
    with _connect(url) as connection:

        def bare() -> int:
            rows = connection.execute(sql, parameters).fetchall()  # type: ignore[call-overload]
            connection.rollback()
            return len(rows)

        rows = bare()
        times = _interleaved([lambda: store.totals(PROJECT), bare], LOOKS)
    store.close()
    return f"{times[0] * 1e3:.2f} ms", f"{times[1] * 1e3:.2f} ms", f"{times[0] / times[1]:.2f}", f"{rows:,}"


def _interleaved(calls: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for number, call in enumerate(calls):
            started = time.perf_counter()
            call()
            seconds[number].append(time.perf_counter() - started)
    return [statistics.median(each) for each in seconds]


# --- ingest ---------------------------------------------------------------------------------------------------------


def _ingest(server: str, url: str, size: int) -> tuple[str, str, str, str, str]:
    copies = {name: _copy(server, url, f"{name}_{size}") for name in ("captured", "ours", "bare")}
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(ROUNDS):
        captured = _at_once(Job(_capture, copies["captured"], number))
        order = ("ours", "bare") if number % 2 == 0 else ("bare", "ours")
        for name in order:
            work = _save if name == "ours" else _execute
            times[name].append(max(_at_once(Job(work, copies[name], number, captured))))
    unique = ROUNDS * WRITERS * RECORDS_PER_WRITER // 2
    faults = _faults(copies["ours"], size + unique)
    ours, bare = (statistics.median(times[name]) for name in ("ours", "bare"))
    saved = WRITERS * RECORDS_PER_WRITER
    return (
        f"{saved:,}",
        f"{ours:.2f} s ({saved / ours:,.0f}/s)",
        f"{bare:.2f} s ({saved / bare:,.0f}/s)",
        f"{ours / bare:.2f}",
        str(faults),
    )


def _copy(server: str, url: str, name: str) -> str:
    with psycopg.connect(f"postgresql://postgres@{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{make_url(url).database}"')
    return str(make_url(url).set(database=name))


def _faults(url: str, expected: int) -> int:
    """Records lost or doubled, and sums that are not those of the records."""
    database = Database(url)
    with database.reading() as connection:
        records, current, counted = (
            int(connection.execute(text(query)).scalar_one())
            for query in (
                "SELECT count(*) FROM score_records",
                "SELECT count(*) FROM current_scores",
                "SELECT sum(tasks) FROM annotator_totals WHERE figure = 'tasks'",
            )
        )
    database.close()
    return abs(records - expected) + abs(current - expected) + abs(counted - expected)


def _records(writer: int, number: int) -> list[ScoreRecord]:
    """Half of them are also the next writer's, in another order."""
    half = RECORDS_PER_WRITER // 2
    shared = [(writer, index) for index in range(half)] + [((writer + 1) % WRITERS, index) for index in range(half)]
    records = []
    for owner, index in shared:
        task = (number * WRITERS + owner) * half + index
        records.append(
            record(
                10_000_000 + task // BRANCHES,
                branch_name=f"encord-{task % BRANCHES}",
                annotator=f"annotator-{task * 7919 % ANNOTATORS}@example.com",
                scored=START + timedelta(seconds=task),
                details={"score": 0.8, "conflicts": [], "by_class": {}, "confusion": [], "requirements": []},
            )
        )
    return records


@dataclass(frozen=True)
class Job:
    """What every writer does at the same time."""

    work: Callable[["Job", int, Barrier], Any]
    url: str
    number: int
    captured: Any = None


def _at_once(job: Job) -> list[Any]:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(WRITERS)
    answers = context.SimpleQueue()
    writers = [context.Process(target=_writer, args=(job, writer, barrier, answers)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    results = dict(answers.get() for _ in writers)
    for process in writers:
        process.join()
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return [results[writer] for writer in range(WRITERS)]


def _writer(job: Job, writer: int, barrier: Barrier, answers: Any) -> None:
    gc.collect()
    gc.freeze()  # what all writers have inherited is not looked through by each again
    try:
        answers.put((writer, job.work(job, writer, barrier)))
    except BaseException as error:
        barrier.abort()
        answers.put((writer, RuntimeError(f"writer {writer}: {error!r}")))


def _save(job: Job, writer: int, barrier: Barrier) -> float:
    records = _records(writer, job.number)
    store = SqlScoreStore(job.url)
    with store.database.writing() as connection:
        connection.execute(text("SELECT 1"))
    barrier.wait()
    started = time.perf_counter()
    for start in range(0, len(records), BATCH):
        store.save(records[start : start + BATCH])
    return time.perf_counter() - started


def _capture(job: Job, writer: int, barrier: Barrier) -> list[list[Statement]]:
    """The statements of every transaction, as they reach the driver."""
    records = _records(writer, job.number)
    store = SqlScoreStore(job.url)
    transactions: list[list[Statement]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        # Many rows in one INSERT are one statement to the driver.
        transactions[-1].append((statement, parameters, many and isinstance(parameters, list)))

    store.database.listen(note)
    barrier.wait()
    for start in range(0, len(records), BATCH):
        transactions.append([])
        store.save(records[start : start + BATCH])
    return transactions


def _execute(job: Job, writer: int, barrier: Barrier) -> float:
    """Bare psycopg."""
    transactions: list[list[Statement]] = job.captured[writer]
    with _connect(job.url) as connection:
        connection.execute("SELECT 1")
        connection.commit()
        barrier.wait()
        started = time.perf_counter()
        for statements in transactions:
            with connection.cursor() as cursor:
                for statement, parameters, many in statements:
                    if many:
                        cursor.executemany(statement, parameters)
                        continue
                    cursor.execute(statement, parameters)
                    if cursor.description:
                        cursor.fetchall()
            connection.commit()
        return time.perf_counter() - started


def _connect(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(str(make_url(url).set(drivername="postgresql")))


if __name__ == "__main__":
    main()
