"""Round 2's annotators: they get tasks with labels in them, and put their own in their place."""

from collections.abc import Mapping

from encord.workflow import AnnotationStage

from demo.labels import Answer
from demo.people import Annotator, Report, in_batches, write_answer


class Relabeller(Annotator):
    """Labels re-opened tasks anew."""

    def relabel(self, stage: str, answers: Mapping[str, Answer], report: Report) -> None:
        """Take out what is there, draw what I see, submit; of every task of mine at an annotation stage."""
        annotation = self.project.workflow.get_stage(name=stage, type_=AnnotationStage)
        for batch in in_batches(list(annotation.get_tasks(assignee=self.email))):
            rows = self._rows({str(task.data_hash): "main" for task in batch})
            self._initialise(rows)
            for row in rows:
                for drawn in row.get_object_instances():
                    row.remove_object(drawn)
                write_answer(row, answers[row.data_hash])
            with self.project.create_bundle() as bundle:
                for row in rows:
                    row.save(bundle=bundle)
            with self.project.create_bundle() as bundle:
                for task in batch:
                    task.submit(bundle=bundle)
            report(len(batch))
