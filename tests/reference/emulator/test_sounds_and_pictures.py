"""Sounds in every format that soundfile writes and pictures in every format that Pillow writes: read, or refused."""

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from emulator.media.facts import UnreadableMediaError
from emulator.media.probe import probe

RATE = 8000
TAKEN_SOUNDS = {
    "WAV": "audio/wav",
    "WAVEX": "audio/wav",
    "RF64": "audio/wav",
    "MP3": "audio/mpeg",
    "FLAC": "audio/flac",
}
TAKEN_SOUNDS["OGG"] = "audio/ogg"
WRITABLE = [
    (kind, subtype)
    for kind in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(kind)
    if kind != "RAW" and soundfile.check_format(kind, subtype)
]


def sound(kind: str, subtype: str, channels: int = 1) -> bytes:
    """A second of a tone."""
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    stream = io.BytesIO()
    soundfile.write(stream, np.column_stack([tone] * channels), RATE, format=kind, subtype=subtype)
    return stream.getvalue()


@pytest.mark.parametrize(("kind", "subtype"), WRITABLE, ids=str)
def test_a_sound_is_read_as_libsndfile_reads_it_or_refused(kind: str, subtype: str) -> None:
    try:
        content = sound(kind, subtype)
        expected = soundfile.info(io.BytesIO(content)) if kind != "MP3" else None
    except (soundfile.SoundFileError, TypeError):
        pytest.skip("libsndfile does not write and read this with one channel at this rate")
    if kind not in TAKEN_SOUNDS:
        with pytest.raises(UnreadableMediaError):
            probe("audio", "sound", content)
        return
    facts = probe("audio", "sound", content)
    assert facts.mime_type == TAKEN_SOUNDS[kind]
    assert facts.duration == pytest.approx(expected.frames / expected.samplerate if expected else 1)
    assert (facts.sample_rate, facts.channels) == (expected.samplerate if expected else RATE, 1)


@pytest.mark.parametrize(
    ("kind", "subtype", "codec", "depth"),
    [
        ("WAV", "PCM_U8", "pcm_u8", 8),
        ("WAV", "PCM_16", "pcm_s16le", 16),
        ("WAV", "PCM_24", "pcm_s24le", 24),
        ("WAV", "FLOAT", "pcm_f32le", 32),
        ("WAV", "DOUBLE", "pcm_f64le", 64),
        ("FLAC", "PCM_16", "flac", 16),
        ("FLAC", "PCM_24", "flac", 24),
        ("OGG", "VORBIS", "vorbis", None),
        ("MP3", "MPEG_LAYER_III", "mp3", None),
    ],
)
def test_codec_depth_and_channels_are_told(kind: str, subtype: str, codec: str, depth: int | None) -> None:
    facts = probe("audio", "sound", sound(kind, subtype, channels=2))
    assert (facts.codec, facts.bit_depth, facts.channels) == (codec, depth, 2)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)], ids=["bare", "with a tag"])
def test_an_mp3_of_any_rate_has_its_own_length(rate: int, channels: int, tag: bytes) -> None:
    tone = 0.1 * np.sin(np.arange(2 * rate) / 9)
    stream = io.BytesIO()
    samples = np.column_stack([tone] * channels)
    soundfile.write(stream, samples, rate, format="MP3", subtype="MPEG_LAYER_III")
    facts = probe("audio", "song", tag + stream.getvalue())
    assert facts.duration == pytest.approx(2)
    assert (facts.sample_rate, facts.channels, facts.mime_type) == (rate, channels, "audio/mpeg")


@pytest.mark.parametrize("head", [b"\xff\xfb\x90\x00", b"ID3\x04\x00\x00\x00\x00\x00\x00", b"RIFF", b"fLaC", b"OggS"])
def test_noise_with_the_head_of_a_sound_is_none(head: bytes) -> None:
    noise = np.random.default_rng(3).integers(0, 255, 4000, dtype=np.uint8).tobytes()
    with pytest.raises(UnreadableMediaError):
        probe("audio", "noise", head + noise)


TAKEN_PICTURES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
}


def picture(kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image = Image.effect_noise((33, 17), 80)
    for mode in ("RGB", "L", "1", "P", "RGBA"):
        try:
            image.convert(mode).save(stream, format=kind, **options)
            return stream.getvalue()
        except (OSError, KeyError, ValueError, AttributeError):
            stream = io.BytesIO()
    pytest.skip("Pillow does not write this by itself")


Image.init()


@pytest.mark.parametrize("kind", sorted(Image.SAVE))
def test_a_picture_is_read_as_pillow_reads_it_or_refused(kind: str) -> None:
    content = picture(kind)
    if kind not in TAKEN_PICTURES and kind != "DIB":
        with pytest.raises(UnreadableMediaError):
            probe("image", "picture", content)
    elif kind in TAKEN_PICTURES:
        facts = probe("image", "picture", content)
        assert (facts.mime_type, facts.width, facts.height) == (TAKEN_PICTURES[kind], 33, 17)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_tiff_is_read_however_it_is_compressed(compression: str) -> None:
    facts = probe("image", "page.tiff", picture("TIFF", compression=compression))
    assert (facts.mime_type, facts.width, facts.height) == ("image/tiff", 33, 17)
