"""Pictures made for the test: scenes that differ, and the same scene once more as another camera would have it."""

import base64
import io

import numpy as np
from PIL import Image, ImageEnhance
from PIL.Image import Resampling

SIZE = (160, 120)


def scene(number: int) -> Image.Image:
    """Soft light and dark places, as no other number has them."""
    places = np.random.default_rng(number).integers(0, 255, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(places).resize(SIZE, Resampling.BICUBIC)


def again(picture: Image.Image) -> Image.Image:
    """The same scene, smaller and a little darker."""
    return ImageEnhance.Brightness(picture.resize((120, 90), Resampling.BICUBIC)).enhance(0.93)


def jpeg(picture: Image.Image, quality: int = 90) -> str:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return base64.b64encode(content.getvalue()).decode()
