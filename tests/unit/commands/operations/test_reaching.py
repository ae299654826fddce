"""Addresses of the service that Encord cannot call, without asking anybody."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmark_qa.commands.operations.doctor import check_service, clock_finding


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("qa.example.com", "this is no address"),
        ("ftp://qa.example.com", "this is no address"),
        ("https://", "this is no address"),
        ("http://qa.example.com", "Encord calls addresses with https:// alone"),
    ],
)
def test_an_address_that_encord_cannot_call_is_a_fault(url: str, message: str) -> None:
    finding = check_service(url)
    assert (finding.fine, finding.message) == (False, message)
    assert finding.remedy


@pytest.mark.parametrize(("apart", "fine"), [(-151, False), (-150, True), (0, True), (150, True), (151, False)])
def test_a_clock_that_uses_up_half_of_a_signatures_age_is_a_fault(apart: int, fine: bool) -> None:
    theirs = datetime(2026, 3, 1, 12, tzinfo=UTC)
    finding = clock_finding(theirs, theirs + timedelta(seconds=apart), 300)
    assert finding.fine is fine
    if not fine:
        assert finding.message.startswith(f"{abs(apart)} s {'ahead of' if apart > 0 else 'behind'} Encord's")
        assert "NTP" in finding.remedy
