"""Sounds: duration, rate and channels, read by libsndfile from the header."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

from emulator.media.facts import Facts, UnreadableMediaError

_MIME_TYPES = {
    "WAV": "audio/wav",
    "WAVEX": "audio/wav",
    "RF64": "audio/wav",
    "MP3": "audio/mpeg",
    "FLAC": "audio/flac",
    "OGG": "audio/ogg",
}

# Codec and bits of a sample, by libsndfile's name; compressed sounds have no bits of their own.
_CODECS: dict[str, tuple[str, int | None]] = {
    "PCM_U8": ("pcm_u8", 8),
    "PCM_S8": ("pcm_s8", 8),
    "PCM_16": ("pcm_s16le", 16),
    "PCM_24": ("pcm_s24le", 24),
    "PCM_32": ("pcm_s32le", 32),
    "FLOAT": ("pcm_f32le", 32),
    "DOUBLE": ("pcm_f64le", 64),
    "ULAW": ("pcm_mulaw", 8),
    "ALAW": ("pcm_alaw", 8),
    "MPEG_LAYER_I": ("mp1", None),
    "MPEG_LAYER_II": ("mp2", None),
    "MPEG_LAYER_III": ("mp3", None),
}


def audio_facts(data: bytes) -> Facts:
    """Duration, rate, channels and codec of a WAV, MP3, FLAC or Ogg file.

    Raises:
        UnreadableMediaError: when it is none.
    """
    import soundfile  # noqa: PLC0415 - loads a library that most runs do not need

    try:
        with _readable(data) as source, soundfile.SoundFile(source) as sound:
            if sound.format not in _MIME_TYPES or sound.samplerate <= 0:
                raise UnreadableMediaError(f"a sound of format {sound.format}: Encord takes WAV, MP3, FLAC and Ogg")
            codec, depth = _CODECS.get(sound.subtype, (sound.subtype.lower(), None))
            return Facts(
                _MIME_TYPES[sound.format],
                duration=sound.frames / sound.samplerate,
                sample_rate=sound.samplerate,
                bit_depth=depth,
                codec="flac" if sound.format == "FLAC" else codec,
                channels=sound.channels,
            )
    except (soundfile.SoundFileError, RuntimeError, ValueError):
        raise UnreadableMediaError("not a WAV, MP3, FLAC or Ogg file") from None


@contextmanager
def _readable(data: bytes) -> Iterator[io.BytesIO | str]:
    """What libsndfile can open: it knows an MP3, which begins with no name, by the file's ending alone."""
    if data[:3] != b"ID3" and not (data[:1] == b"\xff" and data[1:2] >= b"\xe0"):
        yield io.BytesIO(data)
        return
    with NamedTemporaryFile(suffix=".mp3") as file:
        file.write(data)
        file.flush()
        yield file.name
