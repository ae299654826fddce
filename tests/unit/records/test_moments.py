"""Moments that can be asked for are those that every zone can express."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from benchmark_qa.config.explain import EARLIEST, LATEST, require_moment

ZONES = ("UTC", "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12", "America/St_Johns")


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
        "1960-01-01T00:00:00Z", "9500-01-01T00:00:00+01:00",
    ],
)  # fmt: skip
def test_a_moment_at_the_edge_of_time_is_refused_with_what_can_be_asked(text: str) -> None:
    with pytest.raises(ValueError, match="from 1970-01-02 to 9000-01-01"):
        require_moment(datetime.fromisoformat(text))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", [EARLIEST, LATEST, datetime(2026, 3, 1, tzinfo=UTC)])
def test_what_is_taken_can_be_told_in_every_zone(moment: datetime, zone: str) -> None:
    local = moment.replace(tzinfo=ZoneInfo(zone))
    try:
        require_moment(local)
    except ValueError:
        return
    for other in ZONES:
        assert local.astimezone(ZoneInfo(other)).astimezone(UTC) == local
