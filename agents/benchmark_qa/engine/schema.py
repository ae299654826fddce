"""The JSON Schemas of `TaskScore.to_dict()` and of the configuration."""

from typing import Any

from pydantic import TypeAdapter

from benchmark_qa.engine.config import ScoringConfig
from benchmark_qa.engine.result import AnswerScore, IdentityFigures, ObjectScore, TaskScore

_FIGURE = {"anyOf": [{"type": "number"}, {"type": "null"}]}


def task_score_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one score."""
    schema = TypeAdapter(TaskScore).json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    parts = schema["$defs"]
    objects = ("precision", "recall", "f1", "mean_similarity", "panoptic_quality", "score")
    _extend(parts[ObjectScore.__name__], dict.fromkeys(objects, _FIGURE))
    _extend(
        parts[ObjectScore.__name__],
        {"not_applicable": {"type": "object", "additionalProperties": {"type": "string"}}},
    )
    _extend(parts[AnswerScore.__name__], dict.fromkeys(("accuracy", "score"), _FIGURE))
    _extend(parts[IdentityFigures.__name__], {"idf1": _FIGURE})
    _extend(parts["Conflict"], {"explanation": {"type": "string"}})
    _extend(schema, {"passed": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}})
    for part in (schema, *parts.values()):
        part["additionalProperties"] = False
        part["required"] = sorted(part["properties"])
    return schema


def config_schema() -> dict[str, Any]:
    """JSON Schema of `ScoringConfig`."""
    return ScoringConfig.model_json_schema()


def _extend(part: dict[str, Any], properties: dict[str, Any]) -> None:
    part["properties"] |= properties
