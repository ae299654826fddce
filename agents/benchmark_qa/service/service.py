"""The use cases of one deployment besides routing (`benchmark_qa.service.front`), wired to Encord and to the store."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypeVar

from benchmark_qa import telemetry
from benchmark_qa.commands.pace.measure import retired_items
from benchmark_qa.config.settings import Settings, load_settings
from benchmark_qa.context import current_trace_id, remaining_seconds, unit_of_work
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.errors import AnswerTooLarge
from benchmark_qa.encord_api.models import LabelRow
from benchmark_qa.encord_api.sdk_internals import bodies_up_to
from benchmark_qa.lazy import once
from benchmark_qa.quality.from_store import report_project
from benchmark_qa.report.files import render
from benchmark_qa.service.dispatch.background import BackgroundDispatcher
from benchmark_qa.service.dispatch.worker_process import WorkerProcess
from benchmark_qa.service.endpoints.custom_agents import AgentAnswer
from benchmark_qa.service.queues import open_queue
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.connections import connect
from benchmark_qa.tasks.decision import NEUTRAL_MESSAGE, decide, judge, record_decision
from benchmark_qa.tasks.drain import Drained
from benchmark_qa.tasks.events import EventOutcome, handle_event
from benchmark_qa.tasks.feedback import Audience, EditorFeedback, message_about
from benchmark_qa.tasks.ground_truth import GroundTruth
from benchmark_qa.tasks.jobs import DrainJob, JobQueue, JobRunner, QueuedDrains
from benchmark_qa.tasks.projects import ServedProjects
from benchmark_qa.tasks.score import Scorer
from benchmark_qa.tasks.write_back import WriteBack

LONGEST_BACKGROUND_JOB = 3600.0
SHUTDOWN_SECONDS = 7.0
"""Hosts kill ten seconds after SIGTERM"""
LARGEST_BODY_IN_SERVER = 2 * 1024 * 1024
"""Bytes of JSON that may be parsed in the server's own process: about 30 ms in which nothing else runs"""
T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """The use cases of one deployment, wired to Encord and the store. Connects on first use."""

    settings: Settings
    isolates_heavy_work: bool = False
    """Large answers and scoring drains go to worker processes, so that an event loop beside them never waits"""
    connected: ServedProjects | None = None
    """The projects, where somebody has connected to Encord already"""

    @once
    def projects(self) -> ServedProjects:
        """The deployment's projects."""
        return self.connected or connect(self.settings)

    @property
    def encord(self) -> Encord:
        """The connection to Encord."""
        return self.projects.encord

    @once
    def store(self) -> SqlScoreStore:
        """The score records."""
        return SqlScoreStore(self.settings.scores_url)

    @once
    def scorer(self) -> Scorer:
        """Scoring, with its index of the ground truth."""
        truth = GroundTruth(self.projects, ttl_seconds=self.settings.config.truth_ttl_seconds)
        return Scorer(self.projects, truth, self.store)

    @once
    def write_back(self) -> WriteBack:
        """What scores change on Encord."""
        return WriteBack(self.scorer)

    @once
    def jobs(self) -> JobRunner:
        """Drains, however they were asked for."""
        return JobRunner(self.scorer)

    @once
    def background(self) -> BackgroundDispatcher:
        """Jobs after the response."""
        return BackgroundDispatcher(self._run_in_background)

    @once
    def queue(self) -> JobQueue:
        """Jobs for any instance."""
        return open_queue(self.settings)

    @once
    def large_tasks(self) -> WorkerProcess:
        """Where single tasks are scored whose labels are too large for the server's own process."""
        return WorkerProcess(_prepare_worker)

    @once
    def scoring_drains(self) -> WorkerProcess:
        """Where scoring stages are drained."""
        return WorkerProcess(_prepare_worker)

    def has_retired(self, data_hash: str) -> bool:
        """Whether too many annotators have met a benchmark item. Asks the store."""
        return bool(retired_items(self.projects, self.store, [data_hash]))

    def note_decision(self, data_hash: str, pathway: str) -> None:
        """Write down where a task would have gone, were this not shadow mode."""
        record_decision(self.projects, self.store, data_hash, pathway)

    def score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Score a task's labels and say where it goes."""
        answer = self._where_it_fits(Service._score_and_decide, project_hash, data_hash)
        if not self.settings.config.shadow:
            telemetry.decisions.add(1, {"agent": "score", "pathway": answer.decision or "(default)"})
        return answer

    def editor_score(self, project_hash: str, data_hash: str) -> AgentAnswer:
        """Answer somebody in the label editor, under the feedback policy."""
        return AgentAnswer(message=EditorFeedback(self.scorer, self._message_about).answer(project_hash, data_hash))

    def take_job(self, job: DrainJob) -> str:
        """Run a drain job now, or after the response."""
        if self.settings.dispatch == "background":
            self.jobs.require_served(job)
            self.background.submit(job)
            return "accepted"
        if self.settings.dispatch == "queue":
            self.jobs.require_served(job)
            self.queue.submit(job)
            return "queued"
        return _in_words(self.run_job(job))

    def work_off(self, job: DrainJob) -> None:
        """Run a job that the queue has delivered, or spread it. Any exception: it must be delivered again."""
        self.jobs.require_served(job)
        QueuedDrains(self.encord, self._submit_all, self.run_job).work_off(job)
        self._tell_alerts(job)

    def _submit_all(self, jobs: Sequence[DrainJob]) -> None:
        # The queue is opened by those jobs alone that make further jobs.
        self.queue.submit_all(jobs)

    def run_job(self, job: DrainJob) -> Drained:
        """Run a drain job to its end or to the deadline."""
        if self.isolates_heavy_work and self.jobs.is_scoring(job):
            with self.jobs.once(job) as begun:
                if not begun:
                    return Drained(finished=False)
                return self._in(self.scoring_drains, Service.run_job, job)
        return self.jobs.run(job)

    def report(self, project_hash: str, *, format: str, zone: tzinfo, as_of: datetime | None) -> bytes:  # noqa: A002
        """The report of the production project in one format."""
        self.projects.require_served(project_hash)
        report = report_project(self.store, self.settings.config, domain=self.settings.domain, zone=zone, as_of=as_of)
        return render(report, format)

    def take_event(self, project_hash: str, data_hashes: list[str]) -> str:
        """Score what was submitted or completed."""
        outcome = self._where_it_fits(Service._handle_event, project_hash, data_hashes)
        return f"{outcome.scored} scored, {outcome.refused} left alone"

    def close(self) -> None:
        """Finish or hand back what runs."""
        if "background" in vars(self):
            self.background.close(SHUTDOWN_SECONDS)
        for name in ("large_tasks", "scoring_drains"):
            if name in vars(self):
                vars(self)[name].close()
        if "store" in vars(self):
            self.store.close()

    def _run_in_background(self, job: DrainJob) -> None:
        with unit_of_work(seconds=LONGEST_BACKGROUND_JOB):
            self.run_job(job)
            self._tell_alerts(job)

    def _tell_alerts(self, job: DrainJob) -> None:
        """After scoring that nobody waits for: alerts are never sent while Encord waits for an answer."""
        if self.settings.config.alerts and self.jobs.is_scoring(job):
            from benchmark_qa.alerts.alerts import tell_alerts  # noqa: PLC0415 - most deployments have no rules

            tell_alerts(self.store, self.settings)

    def _score_and_decide(self, project_hash: str, data_hash: str) -> AgentAnswer:
        config = self.settings.config
        scores = self.scorer.score_data_unit(project_hash, data_hash)
        # The request names no stage: of several scoring stages, each takes its default pathway.
        self.write_back.after_scoring([scores])
        stage = config.stages.scoring[0] if len(config.stages.scoring) == 1 else None
        decision = decide(
            judge(scores.records, config),
            pass_pathway=stage.pass_pathway if stage else None,
            fail_pathway=stage.fail_pathway if stage else None,
        )
        if config.shadow:
            record_decision(self.projects, self.store, data_hash, decision.pathway)
            return AgentAnswer(message=NEUTRAL_MESSAGE)
        message = NEUTRAL_MESSAGE if scores.kept else "Scored, but the score could not be recorded."
        return AgentAnswer(message=message, decision=decision.pathway)

    def _message_about(self, rows: Sequence[LabelRow], audience: Audience) -> str:
        return self._where_it_fits(Service._message_about_here, rows, audience)

    def _message_about_here(self, rows: Sequence[LabelRow], audience: Audience) -> str:
        return message_about(self.scorer, rows, audience)

    def _handle_event(self, project_hash: str, data_hashes: Sequence[str]) -> EventOutcome:
        return handle_event(self.scorer, project_hash, data_hashes)

    def _where_it_fits(self, use_case: Callable[..., T], *arguments: object) -> T:
        """Do it in this process, or once more from the start in a worker where an answer of Encord's is too large.

        Args:
            use_case: a method of this class that changes nothing before it has read all labels. What it returns is
                small: whatever comes back from a worker is unpacked in this process.
            arguments: of the method; can be pickled.
        """
        if not self.isolates_heavy_work:
            return use_case(self, *arguments)
        try:
            with bodies_up_to(LARGEST_BODY_IN_SERVER):
                return use_case(self, *arguments)
        except AnswerTooLarge:
            return self._in(self.large_tasks, use_case, *arguments)

    def _in(self, worker: WorkerProcess, use_case: Callable[..., T], *arguments: object) -> T:
        """Have the worker do it; what it has counted meanwhile is counted here."""
        result, counts = worker.run(_in_worker_process, use_case, arguments, self._context())
        telemetry.add_counts(counts)
        return result

    def _context(self) -> "_Context":
        """What a worker has to know of the work in hand, and of what has happened here."""
        # Seconds since 1970, which processes share: the wait for a worker counts, too.
        until = time.time() + remaining_seconds(LONGEST_BACKGROUND_JOB)
        return _Context(current_trace_id(), until, self.scorer.truth.changed_at)


@dataclass(frozen=True)
class _Context:
    """What goes with work into another process."""

    trace_id: str | None
    until: float
    """Its deadline, in seconds since 1970"""
    truth_changed_at: float
    """When this service was last told of a change of the ground truth, in seconds since 1970"""


_workers_own: list[Service] = []
"""The worker process's own service, made by `_prepare_worker`"""


def _prepare_worker() -> None:
    _workers_own.append(Service(load_settings(endpoints=False)))


def _in_worker_process(
    use_case: Callable[..., T], arguments: Sequence[object], context: _Context
) -> tuple[T, telemetry.Counts]:
    service = _workers_own[0]
    service.scorer.truth.distrust(context.truth_changed_at)
    with unit_of_work(trace_header=context.trace_id, seconds=context.until - time.time()):
        return use_case(service, *arguments), telemetry.take_counts()


def _in_words(drained: Drained) -> str:
    rest = "" if drained.finished else "; the next notification goes on"
    stay = f"{len(drained.refused)} stay"
    return f"{drained.moved} tasks sent on, {drained.already_gone} had gone already, {stay}{rest}"
