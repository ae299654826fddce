"""Faults of settings in words for people: the key, what is wrong, what to write instead, never the value."""

from typing import Any

import pytest
from pydantic import ValidationError

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.config.explain import explain

WHOLE: dict[str, Any] = {
    "production_project": "7a000000-0000-4000-8000-000000000001",
    "benchmark_projects": ["7a000000-0000-4000-8000-000000000002"],
}


def said(document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Deployment.model_validate(WHOLE | document)
    return explain(caught.value, Deployment)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"stage": {}}, "stage: unknown key; did you mean 'stages'?"),
        ({"stages": {"routin": {}}}, "stages.routin: unknown key; did you mean 'routing'?"),
        ({"stages": {"scoring": [{"name": "S", "pas_pathway": "x"}]}}, "did you mean 'pass_pathway'?"),
        ({"verdict": {"zzz": 1}}, "there are 'confidence'"),
        ({"verdict": {"threshold": 7}}, "verdict.threshold: must be at most 1"),
        ({"verdict": {"minimum_tasks": "many"}}, "verdict.minimum_tasks: must be a whole number"),
        ({"production_project": "secret-value"}, "production_project: must be a hash of Encord"),
        ({"feedback": {"policy": "all"}}, "feedback.policy: must be one of 'off'"),
        ({"shadow": "perhaps"}, "shadow: must be true or false"),
        ({"benchmark_projects": []}, "benchmark_projects: must have at least 1 entries"),
        ({"stages": 3}, "stages: must be an object in braces"),
    ],
)
def test_a_fault_says_the_key_and_what_to_write(document: dict[str, Any], words: str) -> None:
    assert words in said(document)


def test_a_missing_key_is_named_and_no_value_is_quoted() -> None:
    with pytest.raises(ValidationError) as caught:
        Deployment.model_validate({"benchmark_projects": ["hunter2"]})
    message = explain(caught.value, Deployment)
    assert "production_project: missing: set it" in message
    assert "hunter2" not in message
    assert "pydantic" not in message
