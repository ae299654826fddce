"""The emulator's control interface: what Encord knows and its own users cannot see."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import requests

IDLE_SECONDS = 30


class StuckError(Exception):
    """Tasks that will not move on by themselves; says which calls failed and how."""

    def __init__(self, failures: Sequence[str]) -> None:
        reasons = Counter(failures).most_common()
        lines = [f"{count} calls: {reason}" for reason, count in reasons] or ["no call has failed"]
        super().__init__("\n  ".join(["tasks do not move on:", *lines]))


@dataclass(frozen=True)
class TaskTrace:
    """Where a task is and the pathways it took on the way there."""

    data_hash: str
    title: str
    stage: str
    pathways: tuple[str, ...]


class ControlInterface:
    """Reads the emulator's state over HTTP (unsigned, loopback only)."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_emulator"
        self._session = requests.Session()

    def tasks_by_stage(self, project: str) -> Counter[str]:
        """How many tasks each stage of a project holds, by its title."""
        state = self._get("state")
        (found,) = (one for one in state["projects"] if one["hash"] == project)
        return Counter({stage["title"]: stage["tasks"] for stage in found["stages"]})

    def tasks(self, project: str) -> list[TaskTrace]:
        """Every task of a project."""
        return [
            TaskTrace(
                data_hash=task["data_hash"],
                title=task["data_title"],
                stage=task["stage"]["title"],
                pathways=tuple(step["pathway"] for step in task["history"] if step["pathway"]),
            )
            for task in self._get(f"projects/{project}/tasks")["tasks"]
        ]

    def requests_of(self, caller: str) -> Counter[str]:
        """How many requests somebody has made since counting began, by operation."""
        counts = self._get("requests")["counts"]
        return Counter({one["operation"]: one["count"] for one in counts if one["caller"] == caller})

    def count_anew(self) -> None:
        """Forget all requests so far."""
        self._session.delete(f"{self._url}/requests", timeout=30).raise_for_status()

    def is_idle(self) -> bool:
        """Whether no call to the service is waiting or under way."""
        return bool(self._get("idle", timeout=0)["idle"])

    def wait_until_idle(self) -> None:
        """Return when no call to the service is waiting or under way."""
        if not self._get("idle", timeout=IDLE_SECONDS)["idle"]:
            raise StuckError(self.failures())

    def failures(self) -> list[str]:
        """Why calls to the service failed."""
        failed = self._get("deliveries", outcome="failed")["deliveries"]
        return [f"{one['detail']} {one['attempts'][-1]['answer']}".strip() for one in failed]

    def _get(self, path: str, **parameters: str | int) -> Any:
        answer = self._session.get(f"{self._url}/{path}", params=parameters, timeout=IDLE_SECONDS + 30)
        answer.raise_for_status()
        return answer.json()
