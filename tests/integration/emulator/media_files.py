"""Real files of every kind that the platform takes, made here: small, and readable by whoever reads such files."""

import struct
import wave
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48
FRAMES, FPS = 10, 5
SAMPLE_RATE, SECONDS = 8000, 2


def png(path: Path, shade: int = 128) -> Path:
    """A picture with a white square, so that frames can be told apart by their shade."""
    image = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
    image[10:20, 10:20] = 255
    assert cv2.imwrite(str(path), image)
    return path


def mp4(path: Path) -> Path:
    """A film of ten frames, each brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for frame in range(FRAMES):
        writer.write(np.full((HEIGHT, WIDTH, 3), 20 * frame, np.uint8))
    writer.release()
    return path


def wav(path: Path) -> Path:
    """Two seconds of a tone, two channels of 16 bits."""
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE * SECONDS) / SAMPLE_RATE)).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(np.repeat(tone, 2).tobytes())
    return path


def pdf(path: Path) -> Path:
    """Two empty pages."""
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, part) for number, part in enumerate(parts, start=1))
    path.write_bytes(b"%PDF-1.4\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF\n")
    return path


def text(path: Path, content: str = "Zwei Zeilen\nText\n") -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def csv(path: Path) -> Path:
    return text(path, "time,speed\n0,1.5\n1,2.5\n")


def dicom(path: Path, instance: int = 1) -> Path:
    """One slice of 16 x 12 pixels: explicit little endian, only what a reader needs."""

    def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
        value += b"\x00" * (len(value) % 2)
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    syntax = element(0x0002, 0x0010, b"UI", b"1.2.840.10008.1.2.1")
    meta = element(0x0002, 0x0000, b"UL", struct.pack("<I", len(syntax))) + syntax
    body = (
        element(0x0008, 0x0018, b"UI", b"1.2.3.%d" % instance)
        + element(0x0020, 0x000D, b"UI", b"1.2.9")
        + element(0x0020, 0x000E, b"UI", b"1.2.8")
        + element(0x0028, 0x0010, b"US", struct.pack("<H", 12))
        + element(0x0028, 0x0011, b"US", struct.pack("<H", 16))
    )
    path.write_bytes(b"\x00" * 128 + b"DICM" + meta + body)
    return path


def nifti(path: Path) -> Path:
    """A volume of 8 x 6 x 4 voxels."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 8, 6, 4, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 2, 8)
    struct.pack_into("<f", header, 108, 352.0)
    header[344:348] = b"n+1\x00"
    path.write_bytes(bytes(header) + bytes(8 * 6 * 4))
    return path


def pcd(path: Path) -> Path:
    """A point cloud of two points."""
    head = "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA ascii\n"
    return text(path, head + "0 0 0\n1 1 1\n")


def shades(path: Path) -> list[float]:
    """The shade of the corner of every frame of a film, as OpenCV reads it."""
    film, found = cv2.VideoCapture(str(path)), []
    while (frame := film.read())[0]:
        found.append(float(frame[1][0, 0].mean()))
    return found
