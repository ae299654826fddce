"""Convert HEIC pictures to JPEG for upload: Encord does not accept HEIC."""

import io
from pathlib import Path

from benchmark_qa.commands.register.kinds import HEAD, is_heic
from benchmark_qa.errors import MissingExtraError

_QUALITY = 95


class UnreadablePicture(Exception):
    """The file is not a picture that can be read."""


def jpeg_instead(path: Path) -> bytes | None:
    """The picture of a HEIC file as JPEG, upright and with its EXIF; None for other formats.

    Raises:
        UnreadablePicture: the file begins like HEIC and is broken.
        MissingExtraError: pillow-heif is not installed.
    """
    with path.open("rb") as file:
        if not is_heic(file.read(HEAD)):
            return None
    try:
        from PIL import Image
        from pillow_heif import register_heif_opener
    except ModuleNotFoundError:
        raise MissingExtraError("HEIC needs the extra 'register': pip install '.[register]' in a checkout") from None
    register_heif_opener()
    written = io.BytesIO()
    try:
        with Image.open(path) as picture:
            exif = picture.info.get("exif") or b""
            picture.convert("RGB").save(written, "JPEG", quality=_QUALITY, subsampling=0, exif=exif)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePicture(f"HEIC that cannot be read ({type(error).__name__})") from None
    return written.getvalue()
