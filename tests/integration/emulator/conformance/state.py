"""The state of an emulator at a moment: whether it has changed since, and how it is put back."""

from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

_Contents = list[tuple[Any, Any]]
_LEAVES = (str, bytes, int, float, type(None), type, FunctionType, MethodType, BuiltinFunctionType, ModuleType)


class State:
    """Everything that can be reached from some objects; each container and object with what it holds."""

    def __init__(self, roots: Iterable[Any]) -> None:
        self._held: list[tuple[Any, _Contents]] = []
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            one = waiting.pop()
            if isinstance(one, _LEAVES) or id(one) in seen:
                continue
            seen.add(id(one))
            contents = list(_contents(one))
            self._held.append((one, contents))
            waiting += [key for key, _ in contents]
            waiting += [value for _, value in contents]

    def changed(self) -> bool:
        """Whether anything now holds something else."""
        return any(not _same(contents, list(_contents(one))) for one, contents in self._held)

    def restore(self) -> None:
        """Gives everything what it held."""
        for one, contents in self._held:
            if not _same(contents, list(_contents(one))):
                _fill(one, contents)


def _contents(one: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(one, dict):
        yield from one.items()
    elif isinstance(one, list | tuple | set | frozenset):
        yield from ((None, value) for value in one)
    elif type(one).__module__.startswith(("emulator.", "emulator")):
        for name in _attributes(type(one)):
            if hasattr(one, name):
                yield name, getattr(one, name)
        yield from getattr(one, "__dict__", {}).items()
    elif hasattr(one, "__dict__") and type(one).__module__ == "collections":
        yield from vars(one).items()


def _attributes(kind: type) -> list[str]:
    """The names of slots, of a class and of those it is made from."""
    names: list[str] = []
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else [name for name in slots if not name.startswith("__")]
    return names


def _same(before: _Contents, now: _Contents) -> bool:
    return len(before) == len(now) and all(
        (key is key_now or key == key_now) and (value is value_now or _equal(value, value_now))
        for (key, value), (key_now, value_now) in zip(before, now, strict=True)
    )


def _equal(one: Any, other: Any) -> bool:
    """Whether leaves are equal; objects and containers are compared by identity, their contents by themselves."""
    return isinstance(one, _LEAVES) and isinstance(other, _LEAVES) and type(one) is type(other) and one == other


def _fill(one: Any, contents: _Contents) -> None:
    if isinstance(one, dict):
        one.clear()
        one.update(contents)
    elif isinstance(one, list):
        one[:] = [value for _, value in contents]
    elif isinstance(one, set):
        one.clear()
        one.update(value for _, value in contents)
    else:
        names = {name for name, _ in contents}
        for name, value in contents:
            object.__setattr__(one, name, value)
        for name in set(getattr(one, "__dict__", ())) - names:
            object.__delattr__(one, name)
