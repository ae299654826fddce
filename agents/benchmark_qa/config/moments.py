"""Check moments: every time zone and every database must be able to express them."""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_START = datetime(1970, 1, 1)


def require_moment(moment: datetime) -> None:
    """Refuse a moment that is too early or too late to convert to UTC or to another time zone.

    Args:
        moment: with its time zone.

    Raises:
        ValueError: the message gives the range.
    """
    # Without its time zone: subtraction from a time in another zone may overflow.
    own_clock = moment.replace(tzinfo=None)
    if not timedelta(days=2) <= own_clock - _START <= LATEST - EARLIEST:
        raise ValueError(f"out of range: ask for a moment from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
