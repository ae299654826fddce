"""Attributes that are created on first use, exactly once for any number of threads."""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - used as a decorator, like `property`
    """A cached property that is created only once.

    `functools.cached_property` may create two in two threads. That is so since Python 3.12. There is one lock for all
    objects, because creating one attribute may create others.
    """

    _lock = threading.RLock()

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "once[T]": ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> "once[T] | T":
        """Non-data descriptor: after the first access the instance's `__dict__` holds the value."""
        if instance is None:
            return self
        with self._lock:
            kept = vars(instance)
            if self._name not in kept:
                kept[self._name] = self._make(instance)
            made: T = kept[self._name]
            return made


def deferred(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package (PEP 562).

    Args:
        package: its name.
        homes: the module of the package that defines each name.
    """

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find


@contextmanager
def loading() -> Iterator[None]:
    """Turn the garbage collector off inside the block, then freeze what it created."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
