"""Folders that Encord keeps in step with a bucket: a sync is watched to its end, and what failed is told."""

from typing import Any, cast

import pytest

from benchmark_qa.commands.register.steps import sync
from benchmark_qa.encord_api.uploads import SyncState, UploadFolder


class Syncing:
    """A folder whose sync goes through these states."""

    title = "Photos"

    def __init__(self, *states: SyncState) -> None:
        self.states = list(states)

    def start_sync(self) -> str:
        return "job"

    def sync_state(self, job: str) -> SyncState:
        assert job == "job"
        return self.states.pop(0)


def test_progress_is_told_until_the_end() -> None:
    told: list[int] = []
    states = SyncState(2, 0, 5, None), SyncState(5, 1, 1, None), SyncState(6, 1, 0, "done")
    found = sync(cast(UploadFolder, Syncing(*states)), told.append)
    assert (found.items, told) == (6, [2, 4, 1])
    assert [failure.reason for failure in found.failures] == [
        "1 files could not be registered: Encord's notifications name them"
    ]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (SyncState(0, 0, 0, "error"), "the sync has ended as 'error'"),
        (SyncState(3, 0, 2, "cancelled"), "the sync has ended as 'cancelled'"),
        (SyncState(3, 0, 0, "done", unread_pages=1), "1 pages of the bucket's listing could not be read"),
    ],
)
def test_a_sync_that_is_not_whole_is_a_failure(state: SyncState, reason: str) -> None:
    found: Any = sync(cast(UploadFolder, Syncing(state)), lambda _: None)
    assert reason in found.failures[0].reason


def test_a_whole_sync_has_no_failure() -> None:
    assert sync(cast(UploadFolder, Syncing(SyncState(3, 0, 0, "done"))), lambda _: None).failures == ()
