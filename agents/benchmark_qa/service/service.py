"""The methods that the endpoints call, one for each kind of request."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, TypeVar

from benchmark_qa import telemetry
from benchmark_qa.config.account import SettingsError
from benchmark_qa.config.settings import Settings, load_settings
from benchmark_qa.context import current_trace_id, remaining_seconds, unit_of_work
from benchmark_qa.encord_api.errors import AnswerTooLarge
from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.encord_api.sdk_internals import bodies_up_to
from benchmark_qa.lazy import loading, once
from benchmark_qa.service.admission import DRAINS_AT_ONCE
from benchmark_qa.service.observability import log_as_json
from benchmark_qa.tasks.checks import Finding, check_deployment
from benchmark_qa.tasks.connections import Connections
from benchmark_qa.tasks.decision import NEUTRAL_MESSAGE, AgentAnswer, decide
from benchmark_qa.tasks.route import route_task

if TYPE_CHECKING:
    from cachetools import TTLCache

    from benchmark_qa.config.deployment import ScoringStage
    from benchmark_qa.service.dispatch.background import BackgroundDispatcher
    from benchmark_qa.service.dispatch.worker_process import WorkerProcess
    from benchmark_qa.tasks.drain import Drained, EventOutcome
    from benchmark_qa.tasks.feedback import Audience
    from benchmark_qa.tasks.jobs import DrainJob, JobQueue

LONGEST_BACKGROUND_JOB = 3600.0
LONGEST_LARGE_TASK = 120.0
"""Seconds that a worker may take for one large task; then the process is ended and the task waits."""
SHUTDOWN_SECONDS = 7.0
"""Seconds that running jobs get at shutdown. Hosts kill the process ten seconds after SIGTERM."""
LARGEST_BODY_IN_SERVER = 2 * 1024 * 1024
"""Bytes of JSON that may be parsed in the server's process: about 30 ms without other work."""
T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """Handles the requests of one deployment.

    Connects on first use, and imports scoring and store on demand.
    """

    settings: Settings
    isolates_heavy_work: bool = False
    """Run large answers and scoring drains in worker processes, to keep an event loop here free."""

    database_connections: int | None = None
    """Database connections of this process; None: the number in the settings."""

    @once
    def connections(self) -> Connections:
        """Encord, the store, and the objects that use them."""
        return Connections(self.settings, database_connections=self.database_connections)

    @once
    def background(self) -> "BackgroundDispatcher":
        """Runs jobs in this process after the response."""
        from benchmark_qa.service.dispatch.background import BackgroundDispatcher  # noqa: PLC0415

        return BackgroundDispatcher(self._run_in_background)

    @once
    def queue(self) -> "JobQueue":
        """The queue of jobs that any instance may run."""
        return open_queue(self.settings)

    @once
    def large_tasks(self) -> "WorkerProcess":
        """The worker that scores single tasks whose labels are too large for the server's own process."""
        return self._worker(longest_seconds=LONGEST_LARGE_TASK)

    @once
    def lost_work(self) -> "TTLCache[str, bool]":
        """Work that was running when a worker process was lost; it is not tried again at once."""
        from cachetools import TTLCache  # noqa: PLC0415

        from benchmark_qa.service.dispatch.worker_process import LOST_FOR_SECONDS  # noqa: PLC0415

        return TTLCache(maxsize=1_000, ttl=LOST_FOR_SECONDS)

    @once
    def scoring_drains(self) -> "WorkerProcess":
        """The worker that drains scoring stages, several at a time, because a drain mostly waits for Encord."""
        return self._worker(at_once=DRAINS_AT_ONCE)

    def route(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """The answer to the workflow for a task at the routing stage, with the pathway."""
        decision = route_task(self.connections.projects, project_hash, data_hash, self._has_retired)
        if self.settings.config.shadow:
            self._note(data_hash, decision.pathway)
            return AgentAnswer()
        telemetry.decisions.add(1, {"agent": "route", "pathway": decision.pathway})
        return AgentAnswer(decision=decision.pathway)

    def editor_route(self, project_hash: str, _data_hash: str) -> AgentAnswer:
        """The routing agent's answer in the label editor, where there is no task to route."""
        self.connections.projects.require_served(project_hash)
        return AgentAnswer(message=NEUTRAL_MESSAGE)

    def check(self) -> list[Finding]:
        """Check that the deployment fits its projects and that scores can be recorded."""
        with loading():
            from benchmark_qa.tasks.checks import check_store  # noqa: PLC0415 - routing needs no database

        return [*check_deployment(self.connections.projects), check_store(self.connections.store.database)]

    def score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Score a task's labels; the answer contains the pathway."""
        answer = self._where_it_fits(Service._score_and_decide, project_hash, data_hash)
        if not self.settings.config.shadow:
            telemetry.decisions.add(1, {"agent": "score", "pathway": answer.decision or "(default)"})
        return answer

    def editor_score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """The answer to a person in the label editor, under the feedback policy."""
        with loading():
            from benchmark_qa.tasks.feedback import EditorFeedback  # noqa: PLC0415 - needs the store

        feedback = EditorFeedback(self.connections.scorer, self._message_about)
        return AgentAnswer(message=feedback.answer(project_hash, data_hash))

    def take_job(self, job: "DrainJob") -> str:
        """Run a drain job now, after the response, or through the queue; the returned text says which."""
        if self.settings.dispatch == "background":
            self.connections.jobs.require_served(job)
            self.background.submit(job)
            return "accepted"
        if self.settings.dispatch == "queue":
            self.connections.jobs.require_served(job)
            self.queue.submit(job)
            return "queued"
        return _in_words(self.run_job(job))

    def work_off(self, job: "DrainJob") -> None:
        """Run or split a job from the queue. After any exception the queue must deliver it again."""
        from benchmark_qa.store.stages_at_work import StagesAtWork  # noqa: PLC0415 - needs the store
        from benchmark_qa.tasks.job_runner import QueuedDrains  # noqa: PLC0415

        self.connections.jobs.require_served(job)
        at_work = StagesAtWork(self.connections.store.database)
        QueuedDrains(self.connections.encord, at_work, self._submit_all, self.run_job).work_off(job)
        self._tell_alerts(job)

    def run_job(self, job: "DrainJob") -> "Drained":
        """Run a drain job until it is finished or its deadline is reached."""
        jobs = self.connections.jobs
        if self.isolates_heavy_work and jobs.is_scoring(job):
            from benchmark_qa.tasks.drain import Drained  # noqa: PLC0415

            with jobs.once(job) as begun:
                if not begun:
                    return Drained(finished=False)
                return self._in(self.scoring_drains, Service.run_job, job)
        return jobs.run(job)

    def report(self, project_hash: str, *, format: str, zone: tzinfo, as_of: datetime | None) -> bytes:  # noqa: A002
        """The report of the production project in one format."""
        from benchmark_qa.quality.from_store import report_project  # noqa: PLC0415
        from benchmark_qa.report.files import render  # noqa: PLC0415

        self.connections.projects.require_served(project_hash)
        settings, store = self.settings, self.connections.store
        return render(report_project(store, settings.config, domain=settings.domain, zone=zone, as_of=as_of), format)

    def take_event(self, project_hash: str, data_hashes: list[str]) -> str:
        """Score submitted or completed data units."""
        outcome = self._where_it_fits(Service._handle_event, project_hash, data_hashes)
        return f"{outcome.scored} scored, {outcome.refused} left alone"

    def close(self) -> None:
        """Wait for running jobs, end the worker processes, then close the connections."""
        if "background" in vars(self):
            self.background.close(SHUTDOWN_SECONDS)
        for name in ("large_tasks", "scoring_drains"):
            if name in vars(self):
                vars(self)[name].close()
        if "connections" in vars(self):
            self.connections.close()

    def _has_retired(self, data_hash: str) -> bool:
        """Whether too many annotators have seen a benchmark item. Queries the store only if there is a limit."""
        if self.settings.config.exposure.retire_after is None:
            return False
        from benchmark_qa.tasks.standing import retired_items  # noqa: PLC0415 - needs the store

        return bool(retired_items(self.connections.projects, self.connections.store, [data_hash]))

    def _note(self, data_hash: str, pathway: str | None) -> None:
        """Record the pathway that a task would have taken without shadow mode."""
        from benchmark_qa.tasks.shadow import record_decision  # noqa: PLC0415 - needs the store

        record_decision(self.connections.projects, self.connections.store, data_hash, pathway)

    def _submit_all(self, jobs: "Sequence[DrainJob]") -> None:
        # The queue is opened only by jobs that create further jobs.
        self.queue.submit_all(jobs)

    def _run_in_background(self, job: "DrainJob") -> None:
        with unit_of_work(seconds=LONGEST_BACKGROUND_JOB):
            self.run_job(job)
            self._tell_alerts(job)

    def _tell_alerts(self, job: "DrainJob") -> None:
        """Send alerts after a background drain of a scoring stage, never while Encord waits for an answer."""
        if self.settings.config.alerts and self.connections.jobs.is_scoring(job):
            from benchmark_qa.alerts.alerts import tell_alerts  # noqa: PLC0415 - most deployments have no rules

            tell_alerts(self.connections.store, self.settings)

    def _score_and_decide(self, project_hash: str, data_hash: str) -> AgentAnswer:
        from benchmark_qa.tasks.held import scored_or_owed  # noqa: PLC0415 - needs the engine
        from benchmark_qa.tasks.score import judge_data_unit  # noqa: PLC0415

        config = self.settings.config
        self.connections.projects.require_served(project_hash)
        ((scores,),) = scored_or_owed(self.connections.scorer, [data_hash])
        if scores.refusal is not None:
            raise scores.refusal
        # The request names no stage. With several scoring stages, each takes its default pathway.
        stage = config.stages.scoring[0] if len(config.stages.scoring) == 1 else None
        if not scores.kept:
            return self._pass_without_score(data_hash, stage)
        self.connections.write_back.after_scoring([scores])
        decision = decide(
            judge_data_unit(scores.records, config),
            pass_pathway=stage.pass_pathway if stage else None,
            fail_pathway=stage.fail_pathway if stage else None,
        )
        if config.shadow:
            self._note(data_hash, decision.pathway)
            return AgentAnswer(message=NEUTRAL_MESSAGE)
        return AgentAnswer(message=NEUTRAL_MESSAGE, decision=decision.pathway)

    def _pass_without_score(self, data_hash: str, stage: "ScoringStage | None") -> AgentAnswer:
        """The answer for a task whose score is not recorded."""
        from benchmark_qa.tasks.held import owe, pathway_without_score  # noqa: PLC0415 - needs the engine

        pathway = None
        if not self.settings.config.shadow and stage is not None and (stage.pass_pathway or stage.fail_pathway):
            projects = self.connections.projects
            pathway = pathway_without_score(stage, projects.stage(stage), projects.production)
        owe([data_hash])
        return AgentAnswer(message=NEUTRAL_MESSAGE, decision=pathway)

    def _message_about(self, rows: Sequence[LabelRow], audience: "Audience") -> str:
        return self._where_it_fits(Service._message_about_here, rows, audience)

    def _message_about_here(self, rows: Sequence[LabelRow], audience: "Audience") -> str:
        from benchmark_qa.tasks.feedback import message_about  # noqa: PLC0415

        return message_about(self.connections.scorer, rows, audience)

    def _handle_event(self, project_hash: str, data_hashes: Sequence[str]) -> "EventOutcome":
        from benchmark_qa.tasks.drain import handle_event  # noqa: PLC0415

        return handle_event(self.connections.scorer, project_hash, data_hashes)

    def _where_it_fits(self, use_case: Callable[..., T], *arguments: object) -> T:
        """Run the method here; if an answer from Encord is too large, run it again in a worker.

        Args:
            use_case: a method of this class that changes nothing before it has read all labels. Its result must be
                small, because this process unpickles what a worker returns.
            arguments: of the method; must be picklable.
        """
        if not self.isolates_heavy_work:
            return use_case(self, *arguments)
        try:
            with bodies_up_to(LARGEST_BODY_IN_SERVER):
                return use_case(self, *arguments)
        except AnswerTooLarge:
            return self._in_spare(use_case, *arguments)

    def _in_spare(self, use_case: Callable[..., T], *arguments: object) -> T:
        """Run the method in the worker for large tasks, unless the same work has just cost a worker its life."""
        from benchmark_qa.service.dispatch.worker_process import WorkLost  # noqa: PLC0415

        work = f"{use_case.__name__}{arguments!r}"
        if work in self.lost_work:
            raise WorkLost("the same work ended a worker process a short while ago")
        try:
            return self._in(self.large_tasks, use_case, *arguments)
        except WorkLost:
            self.lost_work[work] = True
            raise

    def _in(self, worker: "WorkerProcess", use_case: Callable[..., T], *arguments: object) -> T:
        """Run the method in the worker, and add the worker's counts to those of this process."""
        result, counts = worker.run(_in_worker_process, use_case, arguments, self._context())
        telemetry.add_counts(counts)
        return result

    def _context(self) -> "_Context":
        """The deadline, trace and truth changes that a worker needs to know."""
        # Seconds since 1970, which processes share. The deadline includes the wait for a worker.
        until = time.time() + remaining_seconds(LONGEST_BACKGROUND_JOB)
        return _Context(current_trace_id(), until, self.connections.scorer.truth.changed_at)

    @staticmethod
    def _worker(at_once: int = 1, longest_seconds: float | None = None) -> "WorkerProcess":
        from benchmark_qa.service.dispatch.worker_process import WorkerProcess  # noqa: PLC0415

        return WorkerProcess(_prepare_worker, at_once=at_once, longest_seconds=longest_seconds)


def open_queue(settings: Settings) -> "JobQueue":
    """The queue of `JOBS_QUEUE`. The cloud's library is imported only here.

    Raises:
        SettingsError: there is no queue, or its library is not installed.
    """
    name = settings.jobs_queue
    if name is None:
        raise SettingsError("JOBS_QUEUE: missing, and there are jobs to put on a queue")
    try:
        return _cloud_tasks(settings, name) if settings.uses_cloud_tasks else _sqs(name)
    except ModuleNotFoundError as error:
        extra = "cloud-tasks" if settings.uses_cloud_tasks else "sqs"
        raise SettingsError(f"JOBS_QUEUE: {error.name} is not installed: add the extra '{extra}'") from None


def _sqs(url: str) -> "JobQueue":
    from benchmark_qa.service.dispatch.sqs import SqsQueue  # noqa: PLC0415

    return SqsQueue(url)


def _cloud_tasks(settings: Settings, name: str) -> "JobQueue":
    from benchmark_qa.service.dispatch.cloud_tasks import CloudTasksQueue, connect  # noqa: PLC0415

    assert settings.jobs_url is not None and settings.jobs_service_account is not None  # noqa: S101, PT018 - validated
    return CloudTasksQueue(connect(), name, url=settings.jobs_url, service_account=settings.jobs_service_account)


@dataclass(frozen=True)
class _Context:
    """Facts that are sent to a worker process with its work."""

    trace_id: str | None
    until: float
    """The deadline, in seconds since 1970."""
    truth_changed_at: float
    """When this service was last told of a change of the ground truth, in seconds since 1970."""


_workers_own: list[Service] = []
"""The worker process's own service, created by `_prepare_worker`."""


def _prepare_worker() -> None:
    settings = load_settings(endpoints=False)
    log_as_json(settings.log_level, settings.secret_values())
    # One connection: concurrent calls in the worker take turns.
    _workers_own.append(Service(settings, database_connections=1))


def _in_worker_process(
    use_case: Callable[..., T], arguments: Sequence[object], context: _Context
) -> tuple[T, telemetry.CountsByKey]:
    service = _workers_own[0]
    service.connections.scorer.truth.distrust(context.truth_changed_at)
    with unit_of_work(trace_header=context.trace_id, seconds=context.until - time.time()):
        return use_case(service, *arguments), telemetry.take_counts()


def _in_words(drained: "Drained") -> str:
    rest = "" if drained.finished else "; the next notification goes on"
    stay = f"{len(drained.refused)} stay"
    return f"{drained.moved} tasks sent on, {drained.already_gone} had gone already, {stay}{rest}"
