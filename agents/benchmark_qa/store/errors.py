"""What may go wrong with the database."""

import threading
import time
from typing import Any

from benchmark_qa.errors import TryAgainLater


class StoreError(TryAgainLater):
    """The database cannot be reached, or refuses. The message holds no password."""


class StoreAway(StoreError):
    """Nothing is wrong with what was asked: the server restarts, fails over, is full or locked. It may work soon."""


class SchemaBehindError(StoreError):
    """The tables are older or newer than this software."""


SILENT_SECONDS = 1.5
CONNECT_SECONDS = 5
"""People's work waits while we try: give up soon and say so"""


BELIEVED_SECONDS = 10.0
"""For so long it is believed that a server is silent: every try would cost `CONNECT_SECONDS`"""
REFUSED_SECONDS = 0.2
"""For so long a refusal is believed, which costs nothing: servers restart within seconds"""


class Outage:
    """Whether the server answered when it was last connected to. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._try_again_at: float | None = None
        """None: it answered"""
        self._silent = False
        """It did not even refuse"""

    def connect(self, dialect: Any, _record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        """SQLAlchemy's `do_connect`: a connection, or soon none.

        Raises:
            StoreError: it did not answer a moment ago.
        """
        parameters.setdefault("connect_timeout", CONNECT_SECONDS)
        # A connection that has gone silent, too: what was sent is acknowledged within this time.
        parameters.setdefault("tcp_user_timeout", CONNECT_SECONDS * 1000)
        self._let_one_through()
        began = time.monotonic()
        try:
            connection = dialect.connect(*arguments, **parameters)
        except dialect.loaded_dbapi.Error as error:
            # psycopg2 has no such class: whatever took that long was no refusal.
            silent = time.monotonic() - began > SILENT_SECONDS or type(error).__name__ == "ConnectionTimeout"
            self._note(time.monotonic() + (BELIEVED_SECONDS if silent else REFUSED_SECONDS), silent=silent)
            raise
        self._note(None, silent=False)
        return connection

    def _note(self, try_again_at: float | None, *, silent: bool) -> None:
        with self._lock:
            self._try_again_at, self._silent = try_again_at, silent

    def _let_one_through(self) -> None:
        """Of several callers one tries; the others are told at once."""
        with self._lock:
            now = time.monotonic()
            if self._try_again_at is None:
                return
            if now < self._try_again_at:
                kind = StoreError if self._silent else StoreAway
                raise kind("the score store did not answer a moment ago: it is not tried again yet")
            self._try_again_at = now + (BELIEVED_SECONDS if self._silent else REFUSED_SECONDS)
