"""Addresses of the service that Encord cannot call, without asking anybody."""

import pytest

from benchmark_qa.commands.operations.doctor import check_service


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
