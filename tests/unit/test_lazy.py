"""What is made on first use is made once, whoever comes first."""

import threading
import time

from benchmark_qa.lazy import once


class Office:
    def __init__(self) -> None:
        self.made: list[str] = []

    @once
    def desk(self) -> object:
        """Takes its time."""
        self.made.append("desk")
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:  # the others get their turn
            pass
        return object()

    @once
    def chair(self) -> tuple[str, object]:
        self.made.append("chair")
        return "at", self.desk


def test_twenty_threads_at_once_get_the_same_one() -> None:
    office, start = Office(), threading.Barrier(20)
    found: list[object] = []

    def look() -> None:
        start.wait()
        found.append(office.desk)

    threads = [threading.Thread(target=look) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert office.made == ["desk"]
    assert len({id(desk) for desk in found}) == 1


def test_one_may_be_made_of_another_and_each_object_has_its_own() -> None:
    first, second = Office(), Office()
    assert first.chair == ("at", first.desk)
    assert first.made == ["chair", "desk"]
    assert first.desk is not second.desk


def test_a_failure_is_not_kept() -> None:
    class Door:
        tried = 0

        @once
        def open(self) -> bool:
            self.tried += 1
            if self.tried == 1:
                raise OSError("stuck")
            return True

    door = Door()
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(door.open)
        except OSError as error:
            outcomes.append(str(error) == "never")
    assert (outcomes, door.tried) == ([False, True], 2)
