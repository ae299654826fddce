"""Pictures made for the test: scenes that differ, and the same scene once more as another camera would have it."""

import base64
import io

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance
from PIL.Image import Resampling

SIZE = (160, 120)


def scene(number: int) -> Image.Image:
    """Soft light and dark places, as no other number has them."""
    places = np.random.default_rng(number).integers(0, 255, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(places).resize(SIZE, Resampling.BICUBIC)


def busy(number: int) -> Image.Image:
    """Shapes in many colours; two numbers are far apart for a network, which two soft scenes are not."""
    random = np.random.default_rng(number)
    picture = Image.new("RGB", SIZE, tuple(map(int, random.integers(0, 255, 3))))
    pen, kind = ImageDraw.Draw(picture), number % 4
    for _ in range(int(random.integers(3, 40))):
        colour = tuple(map(int, random.integers(0, 255, 3)))
        x, y = (int(one) for one in random.integers(-20, SIZE, 2))
        w, h = (int(one) for one in random.integers(5, 20 + 20 * (number % 5), 2))
        if kind == 0:
            pen.rectangle((x, y, x + w, y + h), fill=colour)
        elif kind == 1:
            pen.ellipse((x, y, x + w, y + h), fill=colour, outline="black")
        elif kind == 2:
            pen.line((x, y, x + 4 * w, y - h), fill=colour, width=1 + number % 7)
        else:
            pen.polygon([(x, y), (x + w, y), (x, y + 2 * h)], fill=colour)
    return picture


def again(picture: Image.Image) -> Image.Image:
    """The same scene, smaller and a little darker."""
    return ImageEnhance.Brightness(picture.resize((120, 90), Resampling.BICUBIC)).enhance(0.93)


def jpeg(picture: Image.Image, quality: int = 90) -> str:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return base64.b64encode(content.getvalue()).decode()
