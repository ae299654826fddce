"""Label row JSON in one fixed form: the same labels are the same bytes, however and whenever Encord wrote them.

What Encord says in another order from one reading to the next is sorted. What moves without the labels is left out or
fixed: the state of the task, and signatures in links. Geometry, answers, authors and times stay as they are.
"""

from collections.abc import Mapping
from typing import Any

import orjson

FORMAT_VERSION = 1
_MOVING = ("annotation_task_status", "is_valid", "label_status", "priority", "task_uuid", "workflow_graph_node")
_UNORDERED = frozenset({"objects", "classifications", "answers", "actions", "range"})
"""Lists whose order says nothing"""


def canonical_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in its fixed form. It still reads with the SDK's `LabelRowV2.from_labels_dict`."""
    kept = {key: _sorted(value, key) for key, value in row.items() if key not in _MOVING}
    # The SDK wants the key; the state itself moves without the labels, even by reading them.
    kept["label_status"] = "LABELLED"
    return kept


def canonical_bytes(value: Any) -> bytes:
    """JSON with sorted keys, in one line."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _sorted(value: Any, key: str) -> Any:
    kind = type(value)
    if kind is dict:
        return {name: _sorted(item, name) for name, item in value.items()}
    if kind is float or kind is int:
        return value
    if kind is list:
        items = [_sorted(item, "") for item in value]
        return sorted(items, key=canonical_bytes) if key in _UNORDERED else items
    if key in ("data_link", "url") and kind is str and value.startswith(("http://", "https://")):
        return value.partition("?")[0]
    return value
