"""Three instances, 40 calls at a time for each, against a PostgreSQL of 25 connections: what is lost, and who waits."""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import psycopg

from benchmark_qa.store.database import Database
from tests.forked import serving
from tests.integration.service.sandbox import Sandbox, Unit, free_port, platform
from tests.postgresql import NoServerError, create_database, postgresql_cluster

INSTANCES, AT_ONCE = 3, 40
CALLS_PER_INSTANCE = 80
CONNECTIONS = 25
"""Of the server; three of them are kept for superusers"""
BOXES = [[40.0, 40.0, 80.0, 120.0], [200.0, 60.0, 90.0, 100.0]]
PEOPLE = {"ann@example.com": BOXES, "ben@example.com": BOXES[:1]}
MOST_SECONDS, LARGEST_SHARE_OF_503 = 60.0, 0.2


def units(number: int) -> list[Unit]:
    """Benchmark items with the labels of two annotators, at the scoring stage."""
    image = {"width": 1280, "height": 720, "ground_truth": BOXES, "annotations": PEOPLE}
    return [Unit({**image, "id": f"u{n}"}, stage="Score") for n in range(number)]


def measure() -> Mapping[str, float]:
    """Call until every data unit has an answer 200; a call that gets 503 is made again after a second.

    Raises:
        NoServerError
    """
    crowd = units(INSTANCES * CALLS_PER_INSTANCE)
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql_cluster(max_connections=CONNECTIONS))
        with psycopg.connect(f"postgresql://postgres@{cluster.address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE qa LOGIN")
        url = create_database(cluster.address, "crowded")
        with psycopg.connect(f"postgresql://postgres@{cluster.address}/crowded", autocommit=True) as connection:
            connection.execute("GRANT ALL ON SCHEMA public TO qa")
        url = url.replace("//postgres@", "//qa@")
        database = Database(url)
        database.upgrade()
        database.close()
        first = stack.enter_context(platform(crowd, variables={"DATABASE_URL": url}))
        instances = [first, *(replace(first, service=f"http://127.0.0.1:{free_port()}") for _ in range(INSTANCES - 1))]
        for instance in instances:
            stack.enter_context(serving(instance.environment, instance.service))
        answers: Counter[int] = Counter()

        def call(number: int) -> None:
            instance: Sandbox = instances[number % INSTANCES]
            while True:
                status = instance.score(crowd[number].data_hash).status_code
                answers[status] += 1
                if status != 503:
                    return
                time.sleep(1.0)

        began = time.monotonic()
        with ThreadPoolExecutor(INSTANCES * AT_ONCE) as callers:
            list(callers.map(call, range(len(crowd))))
        seconds = time.monotonic() - began
        with psycopg.connect(f"postgresql://postgres@{cluster.address}/crowded", autocommit=True) as connection:
            row = connection.execute("SELECT count(*), count(DISTINCT (data_hash, branch_name)) FROM score_records")
            records, scores = row.fetchone() or (0, 0)
    expected = len(crowd) * len(PEOPLE)
    total = sum(answers.values())
    return {
        "calls": len(crowd),
        "answers": total,
        "answers 200": answers[200],
        "answers 503": answers[503],
        "share of 503": answers[503] / total,
        "other answers": total - answers[200] - answers[503],
        "seconds": seconds,
        "scores lost": expected - scores,
        "scores doubled": records - scores,
    }


def holds(figures: Mapping[str, float]) -> bool:
    """Whether nothing is lost, all is done in a minute, and at most a fifth of the answers is 503."""
    right = figures["scores lost"] == figures["scores doubled"] == figures["other answers"] == 0
    return right and figures["seconds"] <= MOST_SECONDS and figures["share of 503"] <= LARGEST_SHARE_OF_503


def main() -> None:
    """Print the figures as a table; exit 1 if they do not hold."""
    try:
        figures = measure()
    except NoServerError as missing:
        print(f"not measured: {missing}")
        return
    print("| " + " | ".join(figures) + " |\n|" + " ---: |" * len(figures))
    print("| " + " | ".join(f"{figure:.3g}" for figure in figures.values()) + " |")
    if not holds(figures):
        sys.exit(1)
