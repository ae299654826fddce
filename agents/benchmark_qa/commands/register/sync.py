"""Sync a folder with its bucket, and wait for the end."""

from benchmark_qa.commands.register.steps import Failure, Progress, Registered
from benchmark_qa.encord_api.uploads import Folder, SyncState


def sync(folder: Folder, progress: Progress) -> Registered:
    """Start a sync and wait for its end. After a kill Encord continues, and a new run waits again.

    Raises:
        RequestRejected: this is an ordinary folder.
        PlatformError: Encord cannot be used.
    """
    job, seen = folder.start_sync(), 0
    while True:
        state = folder.sync_state(job)
        progress(state.done + state.failed - seen)
        seen = state.done + state.failed
        if state.ended is not None:
            return Registered(state.done, tuple(Failure(0, folder.title, reason) for reason in _reasons(state)))


def _reasons(state: SyncState) -> list[str]:
    reasons = []
    if state.failed:
        reasons.append(f"{state.failed:,} files could not be registered: Encord's notifications name them")
    if state.unread_pages:
        reasons.append(f"{state.unread_pages:,} pages of the bucket's listing could not be read")
    if state.ended != "done":
        reasons.append(f"the sync has ended as '{state.ended}': can the integration list the bucket?")
    return reasons
