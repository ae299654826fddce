"""Errors of the database."""

import threading
import time
from typing import Any

from benchmark_qa.errors import TryAgainLater


class StoreError(TryAgainLater):
    """The database cannot be reached, or refuses. The message contains no password."""


class StoreAway(StoreError):
    """The server restarts, fails over, is full or locked.

    The request is valid, and a retry may succeed soon.
    """


class SchemaBehindError(StoreError):
    """The schema is older or newer than this software."""


SILENT_SECONDS = 1.5
CONNECT_SECONDS = 5
"""Seconds for one attempt to connect. Short, because people's work waits meanwhile."""


BELIEVED_SECONDS = 10.0
"""Seconds without a new attempt after a server did not answer.

Every attempt would take `CONNECT_SECONDS`.
"""
REFUSED_SECONDS = 0.2
"""Seconds without a new attempt after a refusal.

A refusal takes no time, and servers restart within seconds.
"""


class Outage:
    """Remembers whether the server answered the last attempt to connect. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._try_again_at: float | None = None
        """None: it answered."""
        self._silent = False
        """It did not answer at all, not even with a refusal."""

    def connect(self, dialect: Any, _record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        """SQLAlchemy's `do_connect`: return a connection or fail soon.

        Raises:
            StoreError: the server did not answer a moment ago.
        """
        parameters.setdefault("connect_timeout", CONNECT_SECONDS)
        # Also for a connection that stops answering: sent data must be acknowledged within this time.
        parameters.setdefault("tcp_user_timeout", CONNECT_SECONDS * 1000)
        self._let_one_through()
        began = time.monotonic()
        try:
            connection = dialect.connect(*arguments, **parameters)
        except dialect.loaded_dbapi.Error as error:
            # psycopg2 has no such class. An attempt that took this long was not a refusal.
            silent = time.monotonic() - began > SILENT_SECONDS or type(error).__name__ == "ConnectionTimeout"
            self._note(time.monotonic() + (BELIEVED_SECONDS if silent else REFUSED_SECONDS), silent=silent)
            raise
        self._note(None, silent=False)
        return connection

    def _note(self, try_again_at: float | None, *, silent: bool) -> None:
        with self._lock:
            self._try_again_at, self._silent = try_again_at, silent

    def _let_one_through(self) -> None:
        """Let one of several callers try; raise at once for the others."""
        with self._lock:
            now = time.monotonic()
            if self._try_again_at is None:
                return
            if now < self._try_again_at:
                kind = StoreError if self._silent else StoreAway
                raise kind("the score store did not answer a moment ago: it is not tried again yet")
            self._try_again_at = now + (BELIEVED_SECONDS if self._silent else REFUSED_SECONDS)
