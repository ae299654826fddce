"""A warm routing decision against one bare HTTPS request, and against the same agent on encord-agents' dependencies.

One emulator for all three, over TLS, with 30 ms added to every answer. The calls are interleaved, so that whatever
else the machine does falls on all of them alike.

- bare: the very request that the decision needs (label row metadata of one data unit), as the SDK has signed it, sent
  on a kept connection, its answer parsed as JSON.
- service: `POST /agents/route`, signed, on a kept connection.
- library: the same call to `benchmarks/_library_agent.py`.

Timed is what lies between the first byte sent and the answer parsed: all three send a request that has been prepared.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests
from encord import EncordUserClient
from rich.console import Console
from rich.table import Table

from benchmarks._deployment import benchmark_units, deployment, percentile, slow_down
from benchmarks._limits import limit
from tests.integration.service.sandbox import (
    KEY,
    PRODUCTION,
    ROUTE_SECRET,
    Sandbox,
    free_port,
    service_process,
    signed,
)

CALLS = 600
LIBRARY_EVERY = 6
"""The library's agent takes several times as long: it is called every so many rounds"""
ADDED_LATENCY = 0.030
MOST_OF_BARE = limit("latency.over_bare")
MOST_OF_LIBRARY = limit("latency.over_library")

Call = Callable[[], object]
Prepare = Callable[[], Call]
"""Makes a call ready, which then takes the time that it takes"""


def bare_request(both: Sandbox, data_hash: str) -> Prepare:
    """The SDK's own signed request for one data unit's metadata, kept, and sent again without the SDK."""
    sent: list[requests.PreparedRequest] = []
    original = requests.Session.send

    def recording(self: requests.Session, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        sent.append(request)
        return original(self, request, **kwargs)  # type: ignore[arg-type]

    client = EncordUserClient.create_with_ssh_private_key(KEY.private, domain=both.domain)
    project = client.get_project(PRODUCTION)
    requests.Session.send = recording  # type: ignore[method-assign]
    try:
        project.list_label_rows_v2(data_hashes=[data_hash])
    finally:
        requests.Session.send = original  # type: ignore[method-assign]
    (request,) = sent
    session = requests.Session()
    session.trust_env = False
    trusted = os.environ["REQUESTS_CA_BUNDLE"]

    def call() -> object:
        rows = session.send(request, verify=trusted).json()["response"]
        assert [row["data_hash"] for row in rows] == [data_hash]
        return rows

    return lambda: call


def agent_call(address: str, data_hash: str) -> Prepare:
    """One signed call of a routing agent."""
    session = requests.Session()
    session.trust_env = False
    body = json.dumps({"projectHash": PRODUCTION, "dataHash": data_hash, "frame": 0}).encode()

    def prepare() -> Call:
        headers = signed(body, ROUTE_SECRET)
        request = session.prepare_request(requests.Request("POST", f"{address}/agents/route", headers, data=body))

        def call() -> object:
            answer = session.send(request, timeout=60)
            assert answer.json() == {"decision": "Yes"}, answer.text
            return answer

        return call

    return prepare


@contextmanager
def library_process(both: Sandbox) -> Iterator[str]:
    port = free_port()
    with service_process(both.environment, port, ("-m", "benchmarks._library_agent")):
        yield f"http://127.0.0.1:{port}"


def milliseconds(prepare: Prepare) -> float:
    call = prepare()
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def measure() -> dict[str, list[float]]:
    """Milliseconds of each call."""
    units = benchmark_units(5, "Routing")
    data_hash = units[0].data_hash
    with deployment(units, tls=True) as (both, _), library_process(both) as library:
        calls = {
            "one bare HTTPS request": bare_request(both, data_hash),
            "this service": agent_call(both.service, data_hash),
            "encord-agents' dependencies": agent_call(library, data_hash),
        }
        slow_down(both, ADDED_LATENCY)
        for prepare in calls.values():
            for _ in range(5):
                prepare()()
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(CALLS):
            for name, prepare in calls.items():
                if name != "encord-agents' dependencies" or number % LIBRARY_EVERY == 0:
                    taken[name].append(milliseconds(prepare))
    return taken


def main() -> None:
    taken = measure()
    bare, service, library = (statistics.median(values) for values in taken.values())
    table = Table("call", "calls", "median ms", "p95 ms", "against bare", title="One warm routing decision")
    for name, values in taken.items():
        median = statistics.median(values)
        p95 = percentile(values, 0.95)
        table.add_row(name, str(len(values)), f"{median:.2f}", f"{p95:.2f}", f"{median / bare:.2f}x")
    Console(width=110).print(table)
    print(f"service / bare     {service / bare:.3f} (at most {MOST_OF_BARE})")
    print(f"service / library  {service / library:.3f} (at most {MOST_OF_LIBRARY:.3f})")
