"""Small pictures of parked cars seen from above, and what people draw on them: some well, some not."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 320, 240
_COLOURS = ("#b03a2e", "#2874a6", "#d4ac0d", "#f4f6f7", "#1c2833", "#7d3c98")
_CLEARANCE = 6


class Box(NamedTuple):
    """A rectangle in pixels."""

    x: float
    y: float
    w: float
    h: float


def scene(name: str) -> list[Box]:
    """Where the cars of a picture stand; the same for the same name."""
    chance = random.Random(name)  # noqa: S311 - pictures, not secrets
    cars: list[Box] = []
    wanted = chance.randint(4, 8)
    for _ in range(200):
        long, short = chance.randint(38, 60), chance.randint(20, 30)
        w, h = (long, short) if chance.random() < 0.5 else (short, long)
        car = Box(chance.randint(8, WIDTH - w - 8), chance.randint(8, HEIGHT - h - 8), w, h)
        if not any(_near(car, other) for other in cars):
            cars.append(car)
        if len(cars) == wanted:
            break
    return cars


def draw(cars: list[Box], path: Path) -> None:
    """Writes the picture of these cars as JPEG."""
    chance = random.Random(path.name)  # noqa: S311
    picture = Image.effect_noise((WIDTH, HEIGHT), 24).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for x, y, w, h in cars:
        pen.rounded_rectangle((x, y, x + w, y + h), radius=6, fill=chance.choice(_COLOURS), outline="black")
        inset = 0.25
        pen.rectangle((x + w * inset, y + h * inset, x + w * (1 - inset), y + h * (1 - inset)), fill="#85929e")
    picture.save(path, quality=88)


def drawn_by(person: str, name: str, cars: list[Box]) -> list[Box]:
    """What one of the people draws on a picture: close to the truth, with cars left out, or beside them."""
    chance = random.Random(f"{person} draws {name}")  # noqa: S311
    return _HABITS[person](chance, cars)


def _near(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.w + _CLEARANCE
        and other.x < one.x + one.w + _CLEARANCE
        and one.y < other.y + other.h + _CLEARANCE
        and other.y < one.y + one.h + _CLEARANCE
    )


def _moved(chance: random.Random, car: Box, by: float) -> Box:
    """A car's box, pushed by up to this share of its size; it stays in the picture."""
    x = car.x + chance.uniform(-by, by) * car.w
    y = car.y + chance.uniform(-by, by) * car.h
    return Box(min(max(x, 0), WIDTH - car.w), min(max(y, 0), HEIGHT - car.h), car.w, car.h)


def _careful(chance: random.Random, cars: list[Box]) -> list[Box]:
    return [_moved(chance, car, 0.03) for car in cars]


def _hasty(chance: random.Random, cars: list[Box]) -> list[Box]:
    return [_moved(chance, car, 0.05) for car in cars if chance.random() > 0.3]


def _inexact(chance: random.Random, cars: list[Box]) -> list[Box]:
    return [_moved(chance, car, 0.5 if chance.random() < 0.5 else 0.05) for car in cars]


_HABITS: dict[str, Callable[[random.Random, list[Box]], list[Box]]] = {
    "anna": _careful,
    "ben": _hasty,
    "cleo": _inexact,
}
