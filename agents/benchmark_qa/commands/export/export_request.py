"""What is asked of an export."""

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark_qa.commands.export.names import Splits
from benchmark_qa.commands.export.selection import Choice
from benchmark_qa.formats.yolo_writer import YoloTask

FORMATS = ("encord", "coco", "yolo", "parquet")
DEFAULT_YOLO_SPLITS = Splits((("train", 0.8), ("val", 0.2)))

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much more of it is done, and how much there is to do in all"""


@dataclass(frozen=True)
class ExportRequest:
    """What is asked for."""

    project_hash: str
    formats: tuple[str, ...]
    choice: Choice = field(default_factory=Choice)
    collection: str | None = None
    """Name of a frame collection of the project: only the data units in it"""
    snapshot: str | None = None
    """None: `main` as it is"""
    splits: Splits | None = None
    yolo_task: YoloTask = "detect"
    leave_out_below_bar: bool = False
    weigh: bool = False

    def parts(self) -> Splits | None:
        """How the data is split; YOLO has to be."""
        return self.splits or (DEFAULT_YOLO_SPLITS if "yolo" in self.formats else None)
