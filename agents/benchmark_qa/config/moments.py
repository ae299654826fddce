"""Which moments can be asked for: those that every time zone and every database can express."""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_START = datetime(1970, 1, 1)


def require_moment(moment: datetime) -> None:
    """Refuse a moment at the edge of time, which cannot be turned into UTC or into another time zone.

    Args:
        moment: with its time zone.

    Raises:
        ValueError: saying which moments can be asked for.
    """
    # By its own clock: a moment at the edge cannot be subtracted from another zone's.
    own_clock = moment.replace(tzinfo=None)
    if not timedelta(days=2) <= own_clock - _START <= LATEST - EARLIEST:
        raise ValueError(f"out of range: ask for a moment from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
