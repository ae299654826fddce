"""Encord's own keys of client metadata, with and without the organisation's schema."""

import io
import json
import math
from typing import Any

import pytest

from benchmark_qa.commands.register.check import check
from benchmark_qa.commands.register.errors import EntryError
from benchmark_qa.commands.register.key_frames import MetadataSchema, checked_reserved

SCHEMA = MetadataSchema({"site": {"ty": "enum", "values": ["A"]}, "clip": {"ty": "embedding", "size": 2}})
GOOD: list[dict[str, Any]] = [
    {"config": {"sampling_rate": 1, "keyframe_mode": "frame"}, "frames": {"0": {"clip": [0.1, 2]}, "25": {}}},
    {"config": {"sampling_rate": 0}},
    {"config": {"sampling_rate": 0.5, "keyframe_mode": "seconds"}, "frames": {"1.5": {"site": "A"}, "20": {}}},
    {"frames": {"3": {}}},
    {},
]
WRONG: dict[str, tuple[Any, str]] = {
    "mode": ({"config": {"keyframe_mode": "banana"}}, "$encord.config.keyframe_mode: must be 'frame' or 'seconds'"),
    "mode in capitals": ({"config": {"keyframe_mode": "Frame"}}, "$encord.config.keyframe_mode"),
    "rate as text": ({"config": {"sampling_rate": "1"}}, "$encord.config.sampling_rate: must be a number"),
    "rate as truth": ({"config": {"sampling_rate": True}}, "$encord.config.sampling_rate: must be a number"),
    "rate below 0": ({"config": {"sampling_rate": -1}}, "$encord.config.sampling_rate: must be a number"),
    "misspelt config": ({"config": {"samplingRate": 1}}, "$encord.config.samplingRate: is not a key of it"),
    "misspelt frames": ({"frame": {}}, "$encord.frame: is not a key of it; there are config, frames"),
    "list of frames": ({"frames": [0, 25]}, "$encord.frames: must be a JSON object"),
    "negative frame": ({"frames": {"-3": {}}}, "$encord.frames.-3: must be the number of a frame"),
    "frame of a name": ({"frames": {"first": {}}}, "$encord.frames.first: must be the number of a frame"),
    "half a frame": ({"frames": {"1.5": {}}}, "$encord.frames.1.5: must be the number of a frame"),
    "seconds of a name": (
        {"config": {"keyframe_mode": "seconds"}, "frames": {"00:05": {}}},
        "$encord.frames.00:05: must be a time in seconds",
    ),
    "frame that is a list": ({"frames": {"0": [1]}}, "$encord.frames.0: must be a JSON object"),
    "embedding of texts": ({"frames": {"0": {"clip": [0.1, "a"]}}}, "clip"),
    "empty embedding": ({"frames": {"0": {"clip": []}}}, "clip"),
    "embedding of NaN": ({"frames": {"0": {"clip": [0.1, math.nan]}}}, "clip"),
    "no object": ([1], "$encord: must be a JSON object"),
}


@pytest.mark.parametrize("said", GOOD, ids=str)
@pytest.mark.parametrize("written", [dict, json.dumps], ids=["object", "text of a cell"])
def test_what_encord_documents_is_taken_with_and_without_a_schema(said: dict[str, Any], written: Any) -> None:
    metadata = {"$encord": written(said)}
    assert checked_reserved(metadata) == {"$encord": said}
    assert SCHEMA.typed(metadata | {"site": "A"}) == {"$encord": said, "site": "A"}


@pytest.mark.parametrize(("said", "reason"), WRONG.values(), ids=WRONG)
def test_each_fault_is_told_with_its_place(said: Any, reason: str) -> None:
    for held in (checked_reserved, SCHEMA.typed):
        with pytest.raises(EntryError) as refused:
            held({"$encord": said})
        assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"clip": [0.1]}, "$encord.frames.0: metadata 'clip': must be a list of 2 numbers"),
        ({"site": "B"}, "$encord.frames.0: metadata 'site': 'B' is none of A"),
        ({"unheard": 1}, "$encord.frames.0: metadata 'unheard' is not in the organisation's schema"),
    ],
)
def test_metadata_of_frames_is_of_the_types_of_the_schema(frame: dict[str, Any], reason: str) -> None:
    with pytest.raises(EntryError) as refused:
        SCHEMA.typed({"$encord": {"frames": {"0": frame}}})
    assert str(refused.value) == reason


def test_the_older_list_of_key_frames_is_a_list_of_frame_numbers() -> None:
    assert SCHEMA.typed({"keyframes": "[1, 20]"}) == {"keyframes": [1, 20]}
    for wrong in ([-1], ["a"], [1.5], [True], {"1": {}}):
        with pytest.raises(EntryError, match="keyframes"):
            checked_reserved({"keyframes": wrong})


def test_a_registration_file_is_checked_with_its_line_and_with_the_schema() -> None:
    wrong = {"$encord": {"frames": {"x": {}}}}
    text = '{"videos": [\n' + ",\n".join(
        json.dumps({"objectUrl": f"s3://b/{n}.mp4", "clientMetadata": metadata})
        for n, metadata in enumerate([{"site": "A"}, wrong, {"site": "C"}])
    ) + "]}"  # fmt: skip
    place = "line 3: metadata $encord.frames.x: must be the number of a frame, from 0"
    assert [str(fault) for fault in check(io.StringIO(text)).faults] == [place]
    assert [str(fault) for fault in check(io.StringIO(text), schema=SCHEMA).faults] == [
        place,
        "line 4: metadata 'site': 'C' is none of A",
    ]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_of_json_is_a_fault_of_its_line(constant: str) -> None:
    text = '{"images": [\n{"objectUrl": "s3://b/1.png"},\n{"objectUrl": "s3://b/2.png", "clientMetadata": {"a": %s}}]}'
    (fault,) = check(io.StringIO(text % constant)).faults
    assert fault.line == 3
