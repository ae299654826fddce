"""Images: MIME type and size, read by Pillow from the header."""

import io
import warnings

from PIL import Image

from emulator.media.facts import Facts, UnreadableMediaError

# Encord's list of supported data names all but GIF, which is taken here too.
_MIME_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # several pictures in one JPEG file, as some cameras write them
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
}


def image_facts(data: bytes) -> Facts:
    """MIME type and size of an image; the size is the stored one, whatever EXIF says of its orientation.

    Raises:
        UnreadableMediaError: when it has none of the formats known here.
    """
    Image.init()
    known = [name for name in _MIME_TYPES if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=known) as image:
                return Facts(_MIME_TYPES[str(image.format)], image.width, image.height)
    except Image.DecompressionBombError as error:
        raise UnreadableMediaError(str(error)) from None
    except Exception:  # a damaged header fails in every way that Python knows
        raise UnreadableMediaError("not a PNG, JPEG, WebP, AVIF, BMP, TIFF or GIF image") from None
