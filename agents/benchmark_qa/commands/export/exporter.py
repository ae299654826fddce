"""Export a project's labels: choose rows, freeze them, read changed ones, write files and manifest."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark_qa.commands.export.folder import OutputFolder, checked_folder
from benchmark_qa.commands.export.manifest import JudgedPeople, judged_people, manifest_bytes, structure_hash
from benchmark_qa.commands.export.selection import ExportRequest, StepProgress, UnknownChoice, choose_rows
from benchmark_qa.commands.export.snapshots import RowsRead, Snapshot, make_snapshot, sealed_snapshot
from benchmark_qa.commands.export.writing import ExportPlan, manifest_of, write_formats
from benchmark_qa.config.deployment import Deployment
from benchmark_qa.encord_api.client import Encord
from benchmark_qa.encord_api.collections import FrameCollections
from benchmark_qa.encord_api.label_rows import BranchRow, LabelBranches
from benchmark_qa.encord_api.models import Project
from benchmark_qa.errors import RefusalError
from benchmark_qa.formats.class_mapping import Classes
from benchmark_qa.store.score_store import SqlScoreStore
from benchmark_qa.tasks.projects import ServedProjects


class NoDeployment(RefusalError):
    """The request needs the score database, and no configuration is given."""


@dataclass(frozen=True)
class Exported:
    """The outcome of an export."""

    rows: int
    read: int
    """Rows that this run read from Encord"""
    files: int
    not_chosen: dict[str, int]
    """Data units by reason; empty for a snapshot that existed already"""
    unreadable: list[tuple[str, str]]
    """Data hash and reason of rows that are not in Encord's format"""
    edited_since_frozen: int
    """Rows edited on the snapshot's branch since it was made"""
    manifest: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Exporter:
    """Exports projects; without a deployment, verdicts and benchmark items are not known."""

    encord: Encord
    store: SqlScoreStore | None
    deployment: Deployment | None

    def export(self, request: ExportRequest, out: Path, progress: StepProgress) -> Exported:
        """Export into a folder. Can be killed at any point and run again; a later run reads what has changed.

        Requests: 3 for the project and 3 for each benchmark project; 1 for all metadata; label rows in bundles of up
        to 1,000. A snapshot adds those of `snapshots`.

        Raises:
            RefusalError: the request cannot be fulfilled; the message says why.
            OSError: the folder cannot be written to.
            PlatformError, StoreError: Encord or the database cannot be used; rows already read are kept.
        """
        out = checked_folder(out)
        project = self.encord.project(request.project_hash)
        classes = Classes.of(project.ontology)
        with closing(RowsRead(out.with_name(f"{out.name}.rows"), structure_hash(project.ontology))) as kept:
            request = self._with_collection(request)
            snapshot, rows, not_chosen = self._rows(request, project, progress)
            read = self._read(request.project_hash, rows, kept, progress)
            plan = ExportPlan(request, project, classes, snapshot, rows, self._standing(request, snapshot))
            files = OutputFolder(out)
            try:
                written = write_formats(plan, kept, files, progress)
                manifest = manifest_of(plan, written, files)
                files.publish(manifest_bytes(manifest))
            finally:
                files.discard()
            kept.forget_all_but(row.label_hash for row in rows if row.label_hash)
        return Exported(
            rows=written.counts.rows,
            read=read,
            files=len(files.sums),
            not_chosen=dict(sorted(not_chosen.items())),
            unreadable=written.unreadable,
            edited_since_frozen=snapshot.edited_since if snapshot else 0,
            manifest=manifest,
        )

    def _with_collection(self, request: ExportRequest) -> ExportRequest:
        """The request with the collection's data units filled in."""
        if request.collection is None:
            return request
        found = FrameCollections(self.encord, request.project_hash).data_hashes(request.collection)
        if found is None:
            raise UnknownChoice(f"the project has no frame collection {request.collection!r}")
        listed = request.choice.data_hashes
        both = frozenset(found if listed is None else found & listed)
        return replace(request, choice=replace(request.choice, data_hashes=both))

    def _rows(
        self, request: ExportRequest, project: Project, progress: StepProgress
    ) -> tuple[Snapshot | None, Sequence[BranchRow], Counter[str]]:
        branches = LabelBranches(self.encord, request.project_hash)
        digest = request.choice.digest()
        if request.snapshot is not None:
            snapshot = sealed_snapshot(branches, request.snapshot, digest)
            if snapshot is not None:
                return snapshot, snapshot.rows, Counter()
        rows = branches.rows(client_metadata=bool(request.choice.metadata))
        chosen = choose_rows(rows, project, request.choice, self._benchmark_datasets(request.project_hash))
        if request.snapshot is None:
            return None, chosen.rows, chosen.left_out
        made = make_snapshot(
            branches,
            request.snapshot,
            digest,
            chosen.rows,
            lambda count: progress("freezing", count, len(chosen.rows)),
        )
        return made, made.rows, chosen.left_out

    def _benchmark_datasets(self, project_hash: str) -> set[str]:
        """Benchmark datasets of the production project; a benchmark project is exported for its truth."""
        if self.deployment is None or project_hash != str(self.deployment.production_project):
            return set()
        served = ServedProjects(self.encord, self.deployment)
        return {dataset for project in served.benchmarks for dataset in project.dataset_titles}

    def _read(self, project_hash: str, rows: Sequence[BranchRow], kept: RowsRead, progress: StepProgress) -> int:
        edited_at = {row.label_hash: row.last_edited_at for row in rows if row.label_hash is not None}
        current = kept.current(edited_at)
        changed = [label_hash for label_hash in edited_at if label_hash not in current]
        progress("reading", len(current), len(edited_at))
        for bundle in self.encord.label_bundles(project_hash, changed):
            kept.keep(bundle, edited_at)
            progress("reading", len(bundle), len(edited_at))
        return len(changed)

    def _standing(self, request: ExportRequest, snapshot: Snapshot | None) -> JudgedPeople | None:
        if not (request.weigh or request.leave_out_below_bar):
            return None
        if self.store is None or self.deployment is None:
            raise NoDeployment("weights and verdicts need the service's configuration: set BENCHMARK_QA_CONFIG")
        return judged_people(self.store, self.deployment, as_of=snapshot.made_at if snapshot else None)
