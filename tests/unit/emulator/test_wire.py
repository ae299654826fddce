"""Dates, patterns, routes, signatures: the small things that everything stands on."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from encord.common.time_parser import parse_datetime
from encord_agents.core.webhooks import WebhookVerificationError, verify_signature
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import InvalidArgumentsError, MethodNotAllowedError, ResourceNotFoundError, WorldError
from emulator.http.routes import PathTable, Routes
from emulator.outbound.deliveries import signed_headers
from emulator.users.models import raw_public_key
from emulator.wire import iso, page, parse_date, rfc_1123, sql_date, sql_like

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


@pytest.mark.parametrize("spelling", [iso, rfc_1123, sql_date])
def test_every_spelling_of_a_moment_is_read_by_the_sdk(spelling) -> None:
    assert parse_datetime(spelling(MOMENT)).replace(microsecond=0) == MOMENT.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", MOMENT.replace(microsecond=0)),
        ("2026-01-02T05:04:05+02:00", MOMENT.replace(microsecond=0)),
        ("2026-01-02T03:04:05", MOMENT.replace(microsecond=0)),
        ("2026-01-02 03:04:05", MOMENT.replace(microsecond=0)),
        ("Fri, 02 Jan 2026 03:04:05 GMT", MOMENT.replace(microsecond=0)),
    ],
)
def test_dates_are_read_with_any_zone_or_none(text: str, moment: datetime) -> None:
    assert parse_date(text) == moment


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(minutes=345))])))
def test_a_moment_survives_the_v2_spelling(moment: datetime) -> None:
    assert parse_date(iso(moment)) == moment


def test_what_is_no_date_is_an_invalid_argument() -> None:
    with pytest.raises(InvalidArgumentsError, match="next week"):
        parse_date("next week")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("Bench%", "Benchmark", True),
        ("bench%", "Benchmark", True),
        ("%mark", "Benchmark", True),
        ("B_nchmark", "Benchmark", True),
        ("B_chmark", "Benchmark", False),
        ("Benchmark", "Benchmark 2", False),
        ("100.%", "100x", False),
        ("%", "", True),
        ("a%b", "a\nb", True),
    ],
)
def test_like_patterns_match_as_in_sql(pattern: str, text: str, matches: bool) -> None:
    assert sql_like(pattern)(text) is matches


@given(st.lists(st.integers(), max_size=40), st.integers(1, 7))
def test_pages_put_together_are_the_list(things: list[int], size: int) -> None:
    found, token = [], None
    while True:
        one = page(things, token, size)
        found += one["results"]
        token = one["nextPageToken"]
        if token is None:
            break
        assert token
    assert found == things


def table() -> PathTable:
    routes = Routes()
    for path in ("items/{item}", "items/get-bulk", "items/{item}/children", "folders/{folder}/items/{item}"):
        routes.get(path)(lambda _call, path=path: path)
    routes.post("items/get-bulk")(lambda _call: "posted")
    return PathTable([routes])


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("items/7", "items/{item}", {"item": "7"}),
        ("items/get-bulk", "items/get-bulk", {}),
        ("items/get-bulk/children", "items/{item}/children", {"item": "get-bulk"}),
        ("folders/1/items/2", "folders/{folder}/items/{item}", {"folder": "1", "item": "2"}),
    ],
)
def test_fixed_segments_go_before_variable_ones(path: str, template: str, values: dict[str, str]) -> None:
    route, found = table().find("GET", path)
    assert (route.operation, found) == (f"GET {template}", values)


def test_an_unknown_path_is_not_found_and_an_unknown_method_not_allowed() -> None:
    with pytest.raises(ResourceNotFoundError):
        table().find("GET", "items")
    with pytest.raises(MethodNotAllowedError):
        table().find("DELETE", "items/7")


@given(st.binary(max_size=200), st.text(min_size=1, max_size=20))
def test_signatures_verify_with_the_library_and_not_for_another_body(body: bytes, secret: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    headers = signed_headers(secret, now, body)
    signature, timestamp = headers["X-Encord-Signature"], headers["X-Encord-Timestamp"]
    verify_signature(body, signature=signature, timestamp=timestamp, secret=secret)
    with pytest.raises(WebhookVerificationError):
        verify_signature(body + b"x", signature=signature, timestamp=timestamp, secret=secret)


@pytest.mark.parametrize("text", ["", "ssh-rsa AAAA", "zz" * 32, "ssh-ed25519 not-base64"])
def test_only_ed25519_keys_are_taken(text: str) -> None:
    with pytest.raises(WorldError):
        raw_public_key(text)
