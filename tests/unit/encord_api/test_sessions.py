"""The pooled session replaces itself. `tests/integration/service/test_sessions.py` has what it reads."""

from benchmark_qa.encord_api.sdk_internals import (
    install_pooling,
)


def test_pooling_can_be_installed_again() -> None:
    assert [install_pooling(pool_size=2), install_pooling(pool_size=3)] == [True, True]
