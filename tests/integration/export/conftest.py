"""One gallery for the tests that only read it."""

from collections.abc import Iterator

import pytest

from .gallery import Gallery, gallery


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with gallery(tmp_path_factory.mktemp("gallery")) as served:
        yield served
