"""Two mutants of every handler, its effect dropped and its answer emptied; and one of every member of the SDK.

A mutant is noticed when a check that uses it fails. `make emulator-mutants` tries them all (minutes) and writes
what was found into the emulator's README.
"""

import functools
import inspect
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from starlette.responses import Response

from emulator.emulator import Emulator
from emulator.http.resources import RESOURCES, SIGNED_RESOURCES
from emulator.http.routes import Routes
from emulator.testing import running
from emulator.world import World
from tests.integration.emulator.conftest import Site

from .ground import Ground
from .registry import CHECKS, Check
from .state import State
from .surface import CLASSES

README = Path(__file__).parents[4] / "emulator" / "README.md"
BEGIN, END = "<!-- mutants: begin -->\n", "<!-- mutants: end -->\n"
LONGEST_CHECK_SECONDS = 30

# Handlers whose answer the SDK throws away, whatever it is.
UNREAD = {"dataset video.DELETE": "Client.delete_data calls basic_delete and answers nothing"}

DROPPED, EMPTIED = "effect dropped", "answer emptied"


_PLAIN = {bool, int, float, str, bytes, list, tuple, dict, set}


class _Slow(BaseException):
    """A check that waits for what will not come."""


@dataclass
class Use:
    """What handlers were seen to do during a check without any mutant."""

    effects: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)


class Handlers:
    """Every handler that the SDK can reach, wrapped; one mutant at a time may be turned on."""

    def __init__(self) -> None:
        self.mutant: tuple[str, str] | None = None
        self.use: Use | None = None

    @contextmanager
    def wrapped(self) -> Iterator[None]:
        """Handlers are wrapped for emulators that are made in the block."""
        before = [(routes, list(routes.v2), list(routes.queries)) for routes in _resources()]
        for routes, paths, queries in before:
            routes.v2[:] = [(m, path, self._wrap(_v2_name(m, path), handler)) for m, path, handler in paths]
            routes.queries[:] = [(s, q, m, self._wrap(_legacy_name(s, q, m), h)) for s, q, m, h in queries]
        try:
            yield
        finally:
            for routes, paths, queries in before:
                routes.v2[:], routes.queries[:] = paths, queries

    def _wrap(self, name: str, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def answer(call: Any) -> Any:
            kind = self.mutant[1] if self.mutant is not None and self.mutant[0] == name else None
            learning = self.use is not None and name not in self.use.effects
            state = State(_roots(call.emulator)) if kind == DROPPED or learning else None
            found = handler(call)
            if inspect.isawaitable(found):
                found = await found
            if self.use is not None and state is not None and state.changed():
                self.use.effects.add(name)
            if self.use is not None and name not in UNREAD and not _is_empty(found):
                self.use.answers.add(name)
            if kind == DROPPED and state is not None:
                state.restore()
            return emptied(found) if kind == EMPTIED else found

        return answer


def _resources() -> tuple[Routes, ...]:
    return (*RESOURCES, *SIGNED_RESOURCES)


def _roots(emulator: Emulator) -> tuple[Any, ...]:
    return emulator.platform, emulator.upload_jobs


def _v2_name(method: str, path: str) -> str:
    return f"{method} {path}"


def _legacy_name(scope: str, query_type: str, method: str) -> str:
    return f"{scope} {query_type}.{method}"


def handler_names() -> list[str]:
    """Every handler that the SDK can reach."""
    found = [
        name
        for routes in _resources()
        for name in (
            *(_v2_name(method, path) for method, path, _ in routes.v2),
            *(_legacy_name(*query[:3]) for query in routes.queries),
        )
    ]
    return sorted(found)


def _is_empty(answer: Any) -> bool:
    if isinstance(answer, Response):
        return not answer.body
    return answer is None or emptied(answer) == answer


def emptied(answer: Any) -> Any:
    """An answer in which nothing is: no entries, no fields, no bytes, null."""
    if isinstance(answer, Response):
        return Response(b"", answer.status_code, media_type=answer.media_type)
    if isinstance(answer, dict):
        return {**answer, "results": []} if isinstance(answer.get("results"), list) else {}
    return [] if isinstance(answer, list) else None


def notices(check: Check, ground: Ground) -> bool:
    """Whether a check fails, or waits for ever."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _Slow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_CHECK_SECONDS, 1)
    try:
        check.function(ground)
    except (Exception, pytest.fail.Exception, _Slow):  # What pytest.raises throws is no Exception.
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


class Runner:
    """An emulator with wrapped handlers, and the checks that are run against it."""

    def __init__(self, handlers: Handlers, ground: Ground) -> None:
        self._handlers = handlers
        self._ground = ground
        self.uses: dict[str, Use] = {}
        self._seconds: dict[str, float] = {}

    def learn(self) -> None:
        """Runs every check without a mutant, and keeps what each handler did in it.

        Raises:
            AssertionError: a check fails without any mutant, so it would notice everything.
        """
        for check in CHECKS:
            self._reset()
            self._handlers.use = self.uses[check.name] = Use()
            began = time.perf_counter()
            assert not notices(check, self._ground), f"{check.name} fails without a mutant"
            self._seconds[check.name] = time.perf_counter() - began
        self._handlers.use = None

    def has(self, name: str, kind: str) -> bool:
        """Whether a handler has such an effect, or answer, in any check."""
        return any(name in self._of(use, kind) for use in self.uses.values())

    def noticed_by(self, name: str, kind: str) -> str | None:
        """The first check that fails with this mutant; the quick ones are asked first."""
        self._reset()
        mine = [check for check in CHECKS if name in self._of(self.uses[check.name], kind)]
        self._handlers.mutant = (name, kind)
        try:
            for check in sorted(mine, key=lambda check: self._seconds[check.name]):
                if notices(check, self._ground):
                    return check.name
        finally:
            self._handlers.mutant = None
        return None

    def _reset(self) -> None:
        self._ground.site.control("POST", "reset")

    @staticmethod
    def _of(use: Use, kind: str) -> set[str]:
        return use.effects if kind == DROPPED else use.answers


class Members:
    """The SDK's public members, one of which may be mutated where a check calls it."""

    def __init__(self) -> None:
        self._here = str(Path(__file__).parent)
        self.answered = False
        """Whether the mutated member has answered anything."""

    @contextmanager
    def mutant(self, target: str, *, left_out: bool) -> Iterator[None]:
        """A member that is not called at all and answers None, or that is called and answers nothing."""
        owner_name, _, name = target.rpartition(".")
        owner = next(cls for cls in CLASSES if cls.__qualname__ == owner_name)
        found, own = inspect.getattr_static(owner, name), name in vars(owner)
        self.answered = False
        setattr(owner, name, self._mutated(found, left_out))
        try:
            yield
        finally:
            if own:
                setattr(owner, name, found)
            else:
                delattr(owner, name)

    def _mutated(self, member: Any, left_out: bool) -> Any:
        if isinstance(member, property):
            return property(self._mutated(member.fget, left_out), member.fset, member.fdel)
        if isinstance(member, staticmethod | classmethod):
            return type(member)(self._mutated(member.__func__, left_out))

        @functools.wraps(member)
        def mutant(*args: Any, **arguments: Any) -> Any:
            if not sys._getframe(1).f_code.co_filename.startswith(self._here):
                return member(*args, **arguments)
            if left_out:
                return None
            answer = member(*args, **arguments)
            self.answered = self.answered or answer is not None
            return nothing_like(answer)

        return mutant


def nothing_like(answer: Any) -> Any:
    """The empty answer of a kind: no text, zero, no entries; None for a thing."""
    if type(answer) in _PLAIN:
        return type(answer)()
    return iter(()) if isinstance(answer, Iterator) else None


def unnoticed_members(ground: Ground) -> list[str]:
    """The members that no check misses, of those that checks claim to try.

    What a member answers is emptied; of one that only ever answers None, the call is left out.
    """
    members = Members()
    found = []
    for target in sorted({target for check in CHECKS for target in check.targets}):
        mine = [check for check in CHECKS if target in check.targets]
        with members.mutant(target, left_out=False):
            noticed = any(notices(check, ground) for check in mine)
        if not noticed and not members.answered:
            with members.mutant(target, left_out=True):
                noticed = any(notices(check, ground) for check in mine)
        if not noticed:
            found.append(target)
    return found


@dataclass(frozen=True)
class Tried:
    """How many mutants of a kind there are, and which of them no check has noticed."""

    what: str
    number: int
    unnoticed: list[str]


def try_handlers(handlers: Handlers, ground: Ground) -> Iterator[Tried]:
    """Every mutant of every handler. A handler that no check calls is unnoticed in both ways."""
    runner = Runner(handlers, ground)
    runner.learn()
    names = handler_names()
    never = [name for name in names if not any(runner.has(name, kind) for kind in (DROPPED, EMPTIED))]
    for kind in (DROPPED, EMPTIED):
        mine = [name for name in names if name in never or runner.has(name, kind)]
        yield Tried(
            f"handlers, {kind}",
            len(mine),
            [name for name in mine if name in never or runner.noticed_by(name, kind) is None],
        )


def table(tried: list[Tried]) -> str:
    """How many mutants there are, how many are noticed, and which are not."""
    lines = ["| mutants | number | noticed |", "| --- | ---: | ---: |"]
    lines += [f"| {one.what} | {one.number} | {one.number - len(one.unnoticed)} |" for one in tried]
    lines += [f"\nNot noticed: {name} ({one.what})." for one in tried for name in one.unnoticed]
    return "\n".join(lines) + "\n"


def written() -> str:
    """The table as the README has it."""
    return README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def try_all(path: Path, world: World) -> list[Tried]:
    """Every mutant there is, tried in an emulator of this world."""
    handlers = Handlers()
    with handlers.wrapped(), running(world) as served:
        ground = Ground(Site(served), path)
        found = list(try_handlers(handlers, ground))
        targets = {target for check in CHECKS for target in check.targets}
        return [
            *found,
            Tried("the SDK's members, answer emptied or call left out", len(targets), unnoticed_members(ground)),
        ]
