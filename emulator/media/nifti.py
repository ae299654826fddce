"""NIfTI-1 headers, as far as the platform shows them."""

import gzip
import io
import struct

from emulator.media.facts import Facts, UnreadableMediaError

_NIFTI_HEADER = 348


def nifti_facts(data: bytes) -> Facts:
    """Size and slices of a NIfTI-1 file, compressed or not.

    Raises:
        UnreadableMediaError: when it is none.
    """
    try:
        header = _unpacked(data) if data[:2] == b"\x1f\x8b" else data
        order = "<" if struct.unpack_from("<i", header)[0] == _NIFTI_HEADER else ">"
        if struct.unpack_from(f"{order}i", header)[0] != _NIFTI_HEADER:
            raise UnreadableMediaError("not a NIfTI-1 file")
        dimensions = struct.unpack_from(f"{order}8h", header, 40)
    except (OSError, EOFError, struct.error):
        raise UnreadableMediaError("not a NIfTI-1 file") from None
    slices = dimensions[3] if dimensions[0] >= 3 else 1
    return Facts("application/nifti", dimensions[1], dimensions[2], slices)


def _unpacked(data: bytes) -> bytes:
    """The header alone: the rest may be very large."""
    with gzip.open(io.BytesIO(data)) as stream:
        return stream.read(_NIFTI_HEADER)
