"""Many at once: connections, clients, and no lost update."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import aiohttp
from encord import EncordUserClient
from encord.objects import LabelRowV2
from encord.objects.coordinates import BoundingBoxCoordinates

from .conftest import KEYS, OPERATOR, PROJECT, Site, Start, make_world

CONNECTIONS = 500
CLIENTS = 50


def crowd(start: Start, rows: int) -> tuple[Site, list[str]]:
    hashes = [f"c0000000-0000-4000-8000-{n:012d}" for n in range(rows)]
    world = make_world(workflow=None, datasets=["Benchmark"])
    world["datasets"][0]["data"] = [{"hash": h, "title": h, "width": 8, "height": 8} for h in hashes]
    return start(world), hashes


def test_five_hundred_open_connections_are_all_answered(start: Start) -> None:
    site, _ = crowd(start, 1)

    async def ask_all() -> list[int]:
        gate = asyncio.Barrier(CONNECTIONS)

        async def ask(session: aiohttp.ClientSession) -> int:
            async with session.get(f"{site.url}/_emulator/clock") as first:
                await first.read()
            await gate.wait()  # All of them hold their connection open at this moment.
            async with session.get(f"{site.url}/_emulator/clock") as second:
                await second.read()
                return second.status

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as one:
            return await asyncio.gather(*(ask(one) for _ in range(CONNECTIONS)))

    assert asyncio.run(ask_all()) == [200] * CONNECTIONS


def draw(row: LabelRowV2, x: float) -> None:
    box = row.ontology_structure.objects[0].create_instance()
    box.set_for_frames(BoundingBoxCoordinates(height=0.1, width=0.1, top_left_x=x, top_left_y=0.2))
    row.add_object_instance(box)
    row.save()


def test_fifty_clients_on_rows_of_their_own_lose_no_update(start: Start) -> None:
    site, hashes = crowd(start, CLIENTS)
    barrier = threading.Barrier(CLIENTS)

    def work(number: int) -> None:
        client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=site.url)
        (row,) = client.get_project(PROJECT).list_label_rows_v2([hashes[number]])
        barrier.wait(timeout=60)
        row.initialise_labels()
        for step in range(3):
            draw(row, 0.1 * step)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    project = site.project()
    rows = project.list_label_rows_v2()
    with project.create_bundle() as bundle:
        for row in rows:
            row.initialise_labels(bundle=bundle)
    assert [len(row.get_object_instances()) for row in rows] == [3] * CLIENTS


def test_on_one_row_the_last_writer_wins(start: Start) -> None:
    site, hashes = crowd(start, 1)
    one, two = (site.project().list_label_rows_v2([hashes[0]])[0] for _ in range(2))
    one.initialise_labels()
    two.initialise_labels()
    draw(one, 0.1)
    draw(two, 0.7)
    (again,) = site.project().list_label_rows_v2([hashes[0]])
    again.initialise_labels()
    (box,) = again.get_object_instances()
    assert box.get_annotation(0).coordinates.top_left_x == 0.7


def test_one_task_submitted_by_many_at_once_moves_once(start: Start) -> None:
    site, _ = crowd(start, 1)
    barrier = threading.Barrier(8)

    def submit(_number: int) -> bool:
        client = EncordUserClient.create_with_ssh_private_key(KEYS[OPERATOR].private, domain=site.url)
        (task,) = client.get_project(PROJECT).workflow.get_stage(name="Annotate").get_tasks()
        barrier.wait(timeout=60)
        try:
            task.submit()
        except Exception:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(submit, range(8))) == 1
    (history,) = (task["history"] for task in site.control("GET", f"projects/{PROJECT}/tasks")["tasks"])
    assert [step["action"] for step in history] == ["START", "SUBMIT"]
