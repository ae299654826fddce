"""The pooled session replaces itself, and reads no answer that takes too much memory.

`tests/integration/service/test_sessions.py` has what it reads over sockets.
"""

import io
import tracemalloc

import orjson
import pytest
from requests import Response

from benchmark_qa.encord_api.sdk_internals import (
    MEMORY_PER_BYTE,
    OversizedAnswer,
    _read_up_to,
    install_pooling,
    memory_of,
)
from tests.unit.rows import box_row


def test_pooling_can_be_installed_again() -> None:
    assert [install_pooling(pool_size=2), install_pooling(pool_size=3)] == [True, True]


BOXES = orjson.dumps(box_row("image", [[10.25 * n, 10.5, 20.125, 20.5] for n in range(500)]))
FLOODS = ["{},", "[],", '{"a":1},', "-1.5e3,", '"word",', '{"a":{"b":[0]}},']
"""The smallest ways to write very many values."""


def repeated(part: str) -> bytes:
    return b"[" + part.encode() * 20_000 + b"0]"


@pytest.mark.parametrize("body", [BOXES, *map(repeated, FLOODS)])
def test_the_memory_of_json_is_known_before_it_is_parsed(body: bytes) -> None:
    tracemalloc.start()
    try:
        parsed = orjson.loads(body)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert parsed
    assert 0.9 * taken <= memory_of(body) <= 2.5 * taken + 2 * len(body)


def answer(body: bytes) -> Response:
    response = Response()
    response.raw = io.BytesIO(body)
    return response


@pytest.mark.parametrize("part", ["{},", "[],", '{"a":1},'])
def test_an_answer_of_very_many_values_is_refused_unparsed_and_one_of_boxes_is_read(part: str) -> None:
    body = repeated(part)
    assert len(body) * MEMORY_PER_BYTE < memory_of(body)
    with pytest.raises(OversizedAnswer, match="5 times"):
        _read_up_to(len(body), answer(body))
    boxes = answer(BOXES)
    _read_up_to(2 * len(BOXES), boxes)
    assert boxes.content == BOXES
