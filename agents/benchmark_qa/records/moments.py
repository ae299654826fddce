"""The moments that can be queried: those that every time zone and every database can express."""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_START = datetime(1970, 1, 1)


def require_moment(moment: datetime) -> None:
    """Refuse a moment that cannot be converted to UTC or to another time zone.

    Args:
        moment: a moment with a time zone.

    Raises:
        ValueError: the message names the moments that are allowed.
    """
    # Compare in its own time zone: a moment at the limit cannot be subtracted from one in another zone.
    own_clock = moment.replace(tzinfo=None)
    if not timedelta(days=2) <= own_clock - _START <= LATEST - EARLIEST:
        raise ValueError(f"out of range: ask for a moment from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
