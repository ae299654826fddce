"""One data unit whose reading or scoring breaks down holds up nobody else's work."""

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
"""Outages, deadlines and cancellation: the same unit may be scored the next time"""


@contextmanager
def one_unit(where: str, step: Literal["read", "scored"]) -> Iterator[None]:
    """Turn what nobody expected of one data unit's labels into a refusal of this data unit.

    It is logged with its traceback and counted; the message names no label.

    Args:
        where: the data unit, for the message.
        step: what is done with its labels inside.

    Raises:
        UnitBrokeDown: in place of any exception but refusals, outages, deadlines and want of memory.
    """
    try:
        yield
    except (RefusalError, LabelReadError, ScoringError, *NEVER_A_REFUSAL):
        raise
    except Exception as error:
        if type(error) is MemoryError:
            # The process has no memory left, which is not this unit's fault alone. One array of it that
            # is too large for any memory raises a class of its own below MemoryError.
            raise
        telemetry.unit_failures.add(1, {"step": step, "error": type(error).__name__})
        # As a field: on the terminal of a command a traceback helps nobody, and messages quote labels.
        places = "".join(places_and_kinds(error))
        _log.error(
            "the labels of %s could not be %s", where, step, extra={"event": "unit_broke_down", "exception": places}
        )
        raise UnitBrokeDown(
            f"the labels of {where} could not be {step} ({type(error).__name__}; the log says where): "
            "look at them in Encord; they are tried again when they have changed"
        ) from error
