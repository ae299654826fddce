"""Reads a labels file: a user's own, or the real ones the project was built with.

Two layouts of JSON (UTF-8). Boxes round every object of one class:

    {"class": "pedestrian",
     "images": [{"id": "101260", "width": 1280, "height": 720,
                 "ground_truth": [[x, y, width, height], ...],
                 "annotations": {"ann@example.com": [[x, y, width, height], ...], ...}}, ...]}

Boxes are in pixels with the origin at the top left. An annotator with an empty list saw the image and
drew nothing; one who is absent did not see it. Or a yes/no question about every image:

    {"question": "Indigo Bunting", "images": ["11573", ...],
     "ground_truth": {"11573": true, ...},
     "annotations": {"ann@example.com": {"11573": true, ...}, ...}}

Other keys (name, source, licence) are left alone.
"""

import json
import math
from pathlib import Path
from typing import Any

from demo.labels import Box, LabelledImage, LabelSet

QUESTION_IMAGE_SIZE = (640, 480)
"""Images of a question file have no size; nothing depends on it, but Encord's data units have one."""

OUTSIDE_TOLERANCE = 0.5
"""Pixels that a box may stick out of its image before the file is refused: files are rounded."""


class LabelsFileError(Exception):
    """A labels file that cannot be used: says the file, the place in it and what is wrong there."""

    def __init__(self, path: Path, where: str, problem: str) -> None:
        super().__init__(f"{path}: {where}: {problem}" if where else f"{path}: {problem}")


def read_labels_file(path: Path) -> LabelSet:
    """Read either layout; anything unusable raises `LabelsFileError`."""
    return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> LabelSet:
        content = self._json()
        if not isinstance(content, dict):
            raise self._error("", f"the file holds a JSON {_kind(content)}, not an object")
        if ("class" in content) == ("question" in content):
            raise self._error("", "exactly one of 'class' (boxes) and 'question' (yes or no) must be there")
        labels = self._boxes(content) if "class" in content else self._question(content)
        if not labels.images:
            raise self._error("images", "no image in the file")
        if not labels.annotators:
            raise self._error("annotations", "no annotator answered any image")
        return labels

    def _json(self) -> Any:
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            raise self._error("", f"cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise self._error("", "not UTF-8 text") from error
        except json.JSONDecodeError as error:
            raise self._error(f"line {error.lineno}, column {error.colno}", f"not JSON: {error.msg}") from error

    def _boxes(self, content: dict[str, Any]) -> LabelSet:
        images = []
        for index, entry in enumerate(self._get(content, "images", list, "")):
            where = f"images[{index}]"
            if not isinstance(entry, dict):
                raise self._error(where, f"a JSON {_kind(entry)}, not an object")
            images.append(self._image(entry, where))
        self._distinct([image.id for image in images])
        return LabelSet(str(self.path), "boxes", self._name(content, "class"), tuple(images))

    def _image(self, entry: dict[str, Any], where: str) -> LabelledImage:
        width, height = (self._size(entry, side, where) for side in ("width", "height"))
        annotations = self._get(entry, "annotations", dict, where)
        return LabelledImage(
            id=self._name(entry, "id", where),
            width=width,
            height=height,
            truth=self._box_list(entry.get("ground_truth"), f"{where}.ground_truth", width, height),
            answers={
                self._email(email, f"{where}.annotations"): self._box_list(
                    boxes, f"{where}.annotations[{email!r}]", width, height
                )
                for email, boxes in annotations.items()
            },
        )

    def _box_list(self, boxes: Any, where: str, width: int, height: int) -> tuple[Box, ...]:
        if not isinstance(boxes, list):
            raise self._error(where, f"a list of boxes is needed, here is a JSON {_kind(boxes)}")
        return tuple(self._box(box, f"{where}[{index}]", width, height) for index, box in enumerate(boxes))

    def _box(self, box: Any, where: str, width: int, height: int) -> Box:
        if not (isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box)):
            raise self._error(where, "a box is four numbers [x, y, width, height] in pixels")
        x, y, w, h = (float(value) for value in box)
        if w <= 0 or h <= 0:
            raise self._error(where, f"an empty box (width {w:g}, height {h:g})")
        sticks_out = max(-x, -y, x + w - width, y + h - height)
        if sticks_out > OUTSIDE_TOLERANCE:
            raise self._error(where, f"the box sticks {sticks_out:g} pixels out of the {width} x {height} image")
        return x, y, w, h

    def _question(self, content: dict[str, Any]) -> LabelSet:
        ids = self._get(content, "images", list, "")
        for index, name in enumerate(ids):
            if not isinstance(name, str) or not name:
                raise self._error(f"images[{index}]", "an image's id must be a text that is not empty")
        self._distinct(ids)
        truth = self._yes_or_no(self._get(content, "ground_truth", dict, ""), "ground_truth")
        annotations = {
            self._email(email, "annotations"): self._yes_or_no(answers, f"annotations[{email!r}]")
            for email, answers in self._get(content, "annotations", dict, "").items()
        }
        for where, answers in [
            ("ground_truth", truth),
            *((f"annotations[{e!r}]", a) for e, a in annotations.items()),
        ]:
            unknown = sorted(answers.keys() - set(ids))
            if unknown:
                raise self._error(where, f"image {unknown[0]!r} is not among 'images'")
        without_truth = [name for name in ids if name not in truth]
        if without_truth:
            raise self._error("ground_truth", f"no answer for image {without_truth[0]!r}")
        images = (
            LabelledImage(
                name,
                *QUESTION_IMAGE_SIZE,
                truth[name],
                {email: answers[name] for email, answers in annotations.items() if name in answers},
            )
            for name in ids
        )
        return LabelSet(str(self.path), "question", self._name(content, "question"), tuple(images))

    def _yes_or_no(self, answers: Any, where: str) -> dict[str, bool]:
        if not isinstance(answers, dict):
            raise self._error(where, f"an object of answers by image is needed, here is a JSON {_kind(answers)}")
        for name, answer in answers.items():
            if not isinstance(answer, bool):
                raise self._error(f"{where}[{name!r}]", f"an answer is true or false, not {answer!r}")
        return dict(answers)

    def _get(self, content: dict[str, Any], key: str, kind: type, where: str) -> Any:
        if key not in content:
            raise self._error(where, f"the key {key!r} is missing")
        if not isinstance(content[key], kind):
            raise self._error(_join(where, key), f"a JSON {_kind(content[key])} where a {_JSON_NAMES[kind]} is needed")
        return content[key]

    def _name(self, content: dict[str, Any], key: str, where: str = "") -> str:
        name = str(self._get(content, key, str, where)).strip()
        if not name:
            raise self._error(_join(where, key), "must not be empty")
        return name

    def _size(self, entry: dict[str, Any], key: str, where: str) -> int:
        size = self._get(entry, key, int, where)
        if isinstance(size, bool) or size <= 0:
            raise self._error(_join(where, key), f"must be a whole number of pixels above 0, not {size!r}")
        return int(size)

    def _email(self, email: str, where: str) -> str:
        name, _, domain = email.partition("@")
        if not name or not domain or any(character.isspace() for character in email):
            raise self._error(where, f"{email!r} is not an e-mail address; annotators are named by theirs")
        return email

    def _distinct(self, ids: list[str]) -> None:
        seen: set[str] = set()
        for index, name in enumerate(ids):
            if name in seen:
                raise self._error(f"images[{index}]", f"the id {name!r} is there twice")
            seen.add(name)

    def _error(self, where: str, problem: str) -> LabelsFileError:
        return LabelsFileError(self.path, where, problem)


_JSON_NAMES = {dict: "object", list: "list", str: "text", int: "whole number"}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    return "number" if isinstance(value, float) else _JSON_NAMES[type(value)]


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
