"""What leads to outbound calls: tasks at Auto stages, queues at Advanced stages, submitted and completed tasks."""

from datetime import datetime, timedelta
from typing import Any

from emulator.labels.models import MAIN_BRANCH
from emulator.outbound.deliveries import Delivery
from emulator.outbound.outbox import Job, Outbox
from emulator.platform import Platform
from emulator.projects.models import Project
from emulator.projects.world import (
    AdvancedAgentSpec,
    AgentStageSpec,
    AutoAgentSpec,
    CompleteStageSpec,
    PathwaySpec,
    WebhookSpec,
)
from emulator.spec import new_uuid
from emulator.wire import iso
from emulator.workflow.flow import Entered, Event, Submitted
from emulator.workflow.graph import pathway_named
from emulator.workflow.tasks import Task

LOOK_EVERY = timedelta(minutes=5)
DECISION_LENGTH = 256
_BY_SDK = {"MOVE", "COMPLETE"}


class Events:
    """Turns what happens in workflows into outbound calls."""

    def __init__(self, platform: Platform, outbox: Outbox) -> None:
        self._platform = platform
        self._outbox = outbox
        self.next_look = platform.now() + LOOK_EVERY
        platform.listeners.append(self.heard)

    def heard(self, project: Project, event: Event) -> None:
        """Something has moved."""
        match event:
            case Entered(task, AgentStageSpec(agent=AutoAgentSpec() as agent) as stage):
                self.call_agent(project, stage, agent, task)
            case Entered(task, CompleteStageSpec(webhook=WebhookSpec() as hook)) if self._counts(task):
                self._send(project, task, hook, "task_completed_event", MAIN_BRANCH)
            case Submitted(task, stage, branch_name) if stage.webhook is not None and (
                branch_name == MAIN_BRANCH or self._platform.switches.webhook_parts
            ):
                self._send(project, task, stage.webhook, self._platform.switches.submitted_event_type, branch_name)
            case _:
                pass

    def _counts(self, task: Task) -> bool:
        """Whether coming to Complete is an event, however the task came there."""
        return self._platform.switches.webhook_moves or task.history[-1].action not in _BY_SDK

    def call_agent(self, project: Project, stage: AgentStageSpec, agent: AutoAgentSpec, task: Task) -> None:
        """Calls the custom agent of an Auto stage for one task, as often as the switches say."""
        entry = task.entry
        body = {"projectHash": project.hash, "dataHash": task.data_hash, "frame": 0}
        delivery = Delivery("agent", agent.url, body, project.hash, stage.uuid, self._platform.now(), task.uuid)
        self._outbox.push(
            Job(
                delivery,
                agent.secret,
                body=lambda: body,
                still_due=lambda: task.entry == entry,
                # Somebody may have been faster than the agent: its answer then moves nothing.
                accept=lambda answer: _follow(project, stage, agent, task, answer) if task.entry == entry else None,
                priority=task.priority,
            )
        )

    def retry_agents(self) -> int:
        """Calls again for every task that still waits at an Auto stage; returns how many."""
        waiting = [
            (project, stage, stage.agent, task)
            for project in self._platform.projects.values()
            for stage in project.flow.graph.stages.values()
            if isinstance(stage, AgentStageSpec) and isinstance(stage.agent, AutoAgentSpec)
            for task in project.flow.queues[stage.uuid].after()
        ]
        for project, stage, agent, task in waiting:
            self.call_agent(project, stage, agent, task)
        return len(waiting)

    def look(self, at: datetime) -> None:
        """The five-minute look at the queues of Advanced stages."""
        self.next_look = at + LOOK_EVERY
        for project in self._platform.projects.values():
            for stage in project.flow.graph.stages.values():
                if isinstance(stage, AgentStageSpec) and isinstance(stage.agent, AdvancedAgentSpec):
                    self._notify_if_due(project, stage, stage.agent, at)

    def _notify_if_due(self, project: Project, stage: AgentStageSpec, agent: AdvancedAgentSpec, at: datetime) -> None:
        queue = project.flow.queues[stage.uuid]
        if not len(queue):
            return
        if len(queue) >= agent.batch_size:
            reason = "batch_size_reached"
        elif at - min(task.entered_at for task in queue.after()) >= timedelta(minutes=agent.max_wait_minutes):
            reason = "max_wait_elapsed"
        else:
            return
        payload = {
            "project_hash": project.hash,
            "stage_uuid": stage.uuid,
            "pending_count": len(queue),
            "reason": reason,
        }
        event_type = "agent_stage_work_available_event"
        delivery = Delivery("notification", agent.url, {}, project.hash, stage.uuid, at)
        self._outbox.push(Job(delivery, agent.secret, body=lambda: self._envelope(event_type, payload)))

    def _send(self, project: Project, task: Task, hook: WebhookSpec, event_type: str, branch_name: str) -> None:
        row = project.rows.find(task.data_hash, branch_name)
        label_hash = row.label_hash if row is not None else None
        payload: dict[str, Any] = {
            "project_hash": project.hash,
            "data_hashes": [task.data_hash],
            "label_hashes": [label_hash] if label_hash else [],
        }
        if self._platform.switches.webhook_hashes == "string":
            payload |= {"data_hashes": task.data_hash, "label_hashes": label_hash or ""}
        envelope = self._envelope(event_type, payload)
        delivery = Delivery("webhook", hook.url, {}, project.hash, task.stage.uuid, self._platform.now(), task.uuid)
        self._outbox.push(Job(delivery, hook.secret, body=lambda: envelope))

    def _envelope(self, event_type: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {
            "uid": new_uuid(),
            "version": 1,
            "source": "Encord",
            "event_type": event_type,
            "event_created_timestamp": iso(self._platform.now()),
            "payload": payload,
        }


def _follow(project: Project, stage: AgentStageSpec, agent: AutoAgentSpec, task: Task, answer: Any) -> str | None:
    """Sends a task where the agent's answer says; returns why it could not."""
    decision = answer.get("decision") if isinstance(answer, dict) else None
    named = decision.strip() if isinstance(decision, str) else ""
    if not named or len(named) > DECISION_LENGTH:
        return _go(project, task, _default_pathway(stage, agent), "the answer names no decision, and no default is set")
    return _go(project, task, pathway_named(stage, named), f"the stage has no pathway called {named!r}")


def _go(project: Project, task: Task, pathway: PathwaySpec | None, otherwise: str) -> str | None:
    if pathway is None:
        return otherwise
    project.flow.move(task, pathway.to, action="AGENT", by=None, pathway=pathway.name)
    return None


def _default_pathway(stage: AgentStageSpec, agent: AutoAgentSpec) -> PathwaySpec | None:
    if agent.default_pathway is not None:
        return pathway_named(stage, agent.default_pathway)
    return stage.pathways[0] if len(stage.pathways) == 1 else None
