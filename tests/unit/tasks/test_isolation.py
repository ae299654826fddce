"""What is one data unit's fault, and what is not."""

import asyncio
import concurrent.futures
import json

import numpy as np
import pytest

from benchmark_qa.encord_api.errors import AnswerTooLarge, EncordUnavailable
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.store.errors import StoreError
from benchmark_qa.tasks.errors import NotSubmitted, UnitBrokeDown
from benchmark_qa.tasks.ground_truth import one_unit


def too_large() -> None:
    np.empty((1 << 40, 1 << 20))


def too_deep() -> None:
    json.loads("[" * 100_000)


@pytest.mark.parametrize("break_down", [lambda: 1 / 0, lambda: {}["x"], too_large, too_deep])
def test_any_breakdown_becomes_a_refusal_of_the_unit_with_its_traceback_in_the_log(
    break_down: object, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnitBrokeDown, match="data unit 7 could not be scored"), one_unit("data unit 7", "scored"):
        break_down()  # type: ignore[operator]
    (record,) = caplog.records
    assert "test_isolation.py" in record.exception  # type: ignore[attr-defined]
    assert record.exc_info is None, "no traceback on the terminal of a command"
    assert record.event == "unit_broke_down"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "error",
    [
        EncordUnavailable("503", retry_after=5),
        AnswerTooLarge("too large here"),
        StoreError("gone"),
        TimeoutError(),
        concurrent.futures.TimeoutError(),
        ConnectionResetError(),
        MemoryError(),
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
        KeyboardInterrupt(),
        NotSubmitted("not yet"),
        ScoringError("masks of two sizes"),
        LabelReadError("box", "is not a number"),
    ],
)
def test_outages_deadlines_memory_cancellation_and_refusals_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, one_unit("data unit 7", "scored"):
        raise error
    assert raised.value is error
