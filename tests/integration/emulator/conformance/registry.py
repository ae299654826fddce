"""The table: which check tries which methods. A check that does not call what it claims to try fails."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from .surface import SURFACE

if TYPE_CHECKING:
    from .ground import Ground

Try = Callable[["Ground"], None]


@dataclass(frozen=True)
class Check:
    """A function that tries methods and reads their effect back; its docstring says how."""

    function: Try
    targets: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def how(self) -> str:
        return " ".join((self.function.__doc__ or "").split())


CHECKS: list[Check] = []
ABSENT: dict[str, str] = {}
"""Members that are not emulated, and why."""


def check(owner: str, *members: str) -> Callable[[Try], Try]:
    """Registers a check of members of a class."""

    def register(function: Try) -> Try:
        targets = tuple(f"{owner}.{member}" for member in members)
        for index, known in enumerate(CHECKS):
            if known.function is function:
                CHECKS[index] = Check(function, (*targets, *known.targets))
                return function
        CHECKS.append(Check(function, targets))
        return function

    return register


def absent(reason: str, *targets: str) -> None:
    """Says why members are not emulated."""
    ABSENT.update(dict.fromkeys(targets, reason))


@contextmanager
def called() -> Iterator[set[str]]:
    """Collects which members of the surface are called in the block, in this thread and in those it starts."""
    names: dict[CodeType, list[str]] = {}
    for name, code in SURFACE.items():
        names.setdefault(code, []).append(name)
    found: set[str] = set()

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or frame.f_code not in names:
            return
        for name in names[frame.f_code]:
            if len(names[frame.f_code]) == 1 or _is_of(frame, name):
                found.add(name)

    before = sys.getprofile()
    sys.setprofile(profile)
    threading.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(before)
        threading.setprofile(None)  # type: ignore[arg-type]


def _is_of(frame: FrameType, name: str) -> bool:
    """Whether inherited code runs for an object of the class that the name says."""
    one = frame.f_locals.get("self")
    return type(one).__qualname__ == name.rpartition(".")[0]
