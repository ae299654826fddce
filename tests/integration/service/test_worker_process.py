"""A worker process that is lost takes nobody's work with it."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark_qa.service.dispatch.worker_process import WorkerProcess, WorkLost


def prepare() -> None:
    """Nothing."""


def die_the_first_time(flag: str) -> int:
    """Work on which the process is killed once, as by a host that is short of memory."""
    if not Path(flag).exists():
        Path(flag).touch()
        time.sleep(0.3)  # until the others wait behind it
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def test_all_who_waited_for_a_lost_process_are_served_by_the_one_that_follows(tmp_path: Path) -> None:
    worker = WorkerProcess(prepare)
    with ThreadPoolExecutor(16) as waiting:
        calls = [waiting.submit(worker.run, die_the_first_time, str(tmp_path / "flag")) for _ in range(16)]
    worker.close()
    lost = [call for call in calls if isinstance(call.exception(), WorkLost)]
    served = {call.result() for call in calls if call not in lost}
    assert len(lost) == 1, "what was running is not tried again at once"
    assert len(served) == 1, "one new process for all the others"


def test_work_that_takes_too_long_ends_its_process_and_nobody_elses_work() -> None:
    worker = WorkerProcess(prepare, longest_seconds=0.5)
    with pytest.raises(WorkLost):
        worker.run(time.sleep, 60)
    assert worker.run(os.getpid) != os.getpid()
    worker.close()


def test_a_process_that_is_lost_while_idle_is_started_again() -> None:
    worker = WorkerProcess(prepare)
    first = worker.run(os.getpid)
    os.kill(first, signal.SIGKILL)
    time.sleep(0.3)
    assert worker.run(os.getpid) != first
    worker.close()


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_a_worker_gives_way_to_the_server() -> None:
    worker = WorkerProcess(prepare)
    assert worker.run(priority) > os.getpriority(os.PRIO_PROCESS, 0)
    worker.close()
