"""The platform's time: real time, plus what a test has advanced it by."""

from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that can be put forward, never back."""

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """The platform's present moment, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Puts the clock forward."""
        self._offset += max(by, timedelta(0))
