"""Re-encodings of videos, which leave the emulator's videos as they are: jobs done as soon as they are started."""

from collections.abc import Iterable

from emulator.errors import ResourceNotFoundError
from emulator.spec import new_uuid


class Reencodings:
    """What was to be re-encoded, by the job's uuid and by its number (the legacy protocol counts its jobs)."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[str, ...]] = {}
        self._numbers: list[str] = []

    def add(self, uuids: Iterable[str]) -> str:
        """Notes a job; returns its uuid."""
        job = new_uuid()
        self._jobs[job] = tuple(uuids)
        self._numbers.append(job)
        return job

    def number(self, job: str) -> int:
        """The number of a job, counted from one."""
        return self._numbers.index(job) + 1

    def items(self, job: str) -> tuple[str, ...]:
        """What a job was to re-encode."""
        if job not in self._jobs:
            raise ResourceNotFoundError(f"There is no re-encoding {job}")
        return self._jobs[job]

    def numbered(self, number: object) -> tuple[str, ...]:
        """What the job of that number was to re-encode."""
        if not isinstance(number, int) or not 1 <= number <= len(self._numbers):
            raise ResourceNotFoundError(f"There is no re-encoding {number}")
        return self._jobs[self._numbers[number - 1]]
