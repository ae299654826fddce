"""Isolate data units: an unexpected error in one does not stop the scoring of others."""

import concurrent.futures
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from benchmark_qa import telemetry
from benchmark_qa.encord_api.errors import PlatformError
from benchmark_qa.engine.errors import ScoringError
from benchmark_qa.errors import MissingExtraError, RefusalError, TryAgainLater, places_and_kinds
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.tasks.errors import UnitBrokeDown

_log = logging.getLogger(__name__)

NEVER_A_REFUSAL = (
    PlatformError,
    TryAgainLater,
    MissingExtraError,
    TimeoutError,
    concurrent.futures.CancelledError,
    ConnectionError,
)
"""Outages, deadlines and cancellation: the next attempt at the same data unit may succeed."""


@contextmanager
def one_unit(where: str, step: Literal["read", "scored"]) -> Iterator[None]:
    """Turn an unexpected error of one data unit's labels into a refusal of this data unit.

    The error is logged with its traceback and counted. The message names no label.

    Args:
        where: the data unit, for the message.
        step: what the block does with its labels.

    Raises:
        UnitBrokeDown: for any exception but refusals, outages, deadlines and a lack of memory.
    """
    try:
        yield
    except (RefusalError, LabelReadError, ScoringError, *NEVER_A_REFUSAL):
        raise
    except Exception as error:
        if type(error) is MemoryError:
            # The process has no memory left, and this data unit may not be the cause. An array that is too large for
            # any memory raises a subclass of MemoryError.
            raise
        telemetry.unit_failures.add(1, {"step": step, "error": type(error).__name__})
        # In a log field: a traceback on a command's terminal helps nobody, and messages quote labels.
        places = "".join(places_and_kinds(error))
        _log.error(
            "the labels of %s could not be %s", where, step, extra={"event": "unit_broke_down", "exception": places}
        )
        raise UnitBrokeDown(
            f"the labels of {where} could not be {step} ({type(error).__name__}; the log says where): "
            "look at them in Encord; they are tried again when they have changed"
        ) from error
