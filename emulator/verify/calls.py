"""What the platform sends to a public address: its calls of agents, and its events."""

from collections.abc import Set
from itertools import pairwise

from encord import Project

from emulator.verify.observing import CALLS, Ground, NotSoError, Observations, Story, told
from emulator.verify.recorder import Recorder, Reply

CALLED_AT_ONCE = 12
LONG_WORK_SECONDS = 3.0
ASKED_SECONDS = 3
FIRST_CALLS = {"agents.concurrency", "agents.signature"}


def observe_events(recorder: Recorder, single: str, block: str, seen: Observations) -> None:
    """What the two stories' tasks have sent, when they were submitted and when they were completed."""
    recorder.wait_until_quiet(lambda: 1.5)
    of_single, of_block = recorder.events_of(single), recorder.events_of(block)
    submitted = [event for event in of_single if event.get("event_type") != "task_completed_event"]
    if submitted:
        seen["webhooks.submitted-type"] = submitted[0].get("event_type")
        seen["webhooks.hashes"] = _kind(submitted[0].get("payload", {}).get("data_hashes"))
        completed = len(of_single) - len(submitted)
        # Once by the review, once because the SDK moved it.
        seen["webhooks.moves"] = "an event" if completed == 2 else "no event"
        if block and "consensus.main-after-approval" in seen:
            parts = [event for event in of_block if event.get("event_type") != "task_completed_event"]
            seen["webhooks.parts"] = "an event each" if parts else "no events"


def observe_calls(
    ground: Ground, recorder: Recorder, seen: Observations, failed: dict[str, str], wanted: Set[str]
) -> None:
    """How many agents are called at once; how often, and after what time, a failed call is made again."""
    calls = {name for name in CALLS if name.startswith("agents.")}
    if wanted & FIRST_CALLS:
        told(lambda: _at_once(ground, recorder, seen), FIRST_CALLS, failed)
    if wanted & (calls - FIRST_CALLS):
        told(lambda: _again(ground, recorder, seen), calls, failed)


def _at_once(ground: Ground, recorder: Recorder, seen: Observations) -> None:
    recorder.hold()
    try:
        story = Story(ground, "many calls", CALLED_AT_ONCE)
        recorder.wait_until_quiet(lambda: 1.0)
    finally:
        recorder.release()
    calls = [one for one in recorder.arrivals if one.body.get("projectHash") == story.project_hash]
    if not calls:
        raise NotSoError("no agent was called: has the template's stage Route the public address?")
    seen["agents.concurrency"] = recorder.most_at_once
    signed = {name for name in calls[0].headers if name.lower().startswith("x-encord-signature")}
    seen["agents.signature"] = sorted(signed)
    _leave_route(story.admin)


def _again(ground: Ground, recorder: Recorder, seen: Observations) -> None:
    units: list[str] = []

    def prepare(data_hashes: list[str]) -> None:
        failing, asking, slow, misnamed = data_hashes
        units[:] = data_hashes
        recorder.replies[failing] = Reply(503)
        recorder.replies[asking] = Reply(503, headers={"Retry-After": str(ASKED_SECONDS)})
        recorder.replies[misnamed] = Reply(body={"decision": "no pathway has this name"})
        recorder.replies[slow] = Reply(after_seconds=LONG_WORK_SECONDS)

    def pause() -> float:
        longest = max((max(_pauses(recorder, unit), default=0) for unit in units), default=0)
        return max(LONG_WORK_SECONDS + 1, 2 * longest + 1)

    story = Story(ground, "failing calls", 4, prepare)
    recorder.wait_until_quiet(pause)
    failing, asking, slow, misnamed = units
    waiting = {str(task.data_hash) for task in story.admin.workflow.get_stage(name="Route").get_tasks()}
    if recorder.calls_for(misnamed):
        seen["agents.decision-is-a-name"] = (
            "another name moves nothing" if misnamed in waiting else "the task was moved"
        )
    pauses = _pauses(recorder, failing)
    # Whatever else this machine does makes a pause longer, never shorter; every pause is twice the one before.
    first = min((one / 2**n for n, one in enumerate(pauses)), default=0)
    seen["agents.retries"] = f"{len(pauses)} more, the first after about {_rounded(first)} s"
    asked = _pauses(recorder, asking)
    if asked:
        seen["agents.retry-after"] = "obeyed" if asked[0] >= ASKED_SECONDS else "ignored"
    seen["agents.timeout"] = "waited for" if len(recorder.calls_for(slow)) == 1 else "given up"
    _leave_route(story.admin)


def _leave_route(project: Project) -> None:
    """Nothing is to be called any more when the run is over."""
    complete = project.workflow.get_stage(name="Complete").uuid
    for task in list(project.workflow.get_stage(name="Route").get_tasks()):
        task.move(destination_stage_uuid=complete)


def _pauses(recorder: Recorder, data_hash: str) -> list[float]:
    at = [call.at for call in recorder.calls_for(data_hash)]
    return [later - earlier for earlier, later in pairwise(at)]


def _rounded(seconds: float) -> float:
    """To halves below two seconds, else to whole ones: the network takes its time."""
    return round(2 * seconds) / 2 if seconds < 2 else float(round(seconds))


def _kind(value: object) -> str:
    return "string" if isinstance(value, str) else type(value).__name__
