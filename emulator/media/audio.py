"""WAV headers."""

import io
import wave

from emulator.media.facts import Facts, UnreadableMediaError


def audio_facts(data: bytes) -> Facts:
    """Duration, rate and channels of a WAV file.

    Raises:
        UnreadableMediaError: when it is none.
    """
    try:
        with wave.open(io.BytesIO(data)) as sound:
            depth = 8 * sound.getsampwidth()
            return Facts(
                "audio/wav",
                duration=sound.getnframes() / sound.getframerate(),
                sample_rate=sound.getframerate(),
                bit_depth=depth,
                codec=f"pcm_s{depth}le" if depth > 8 else "pcm_u8",
                channels=sound.getnchannels(),
            )
    except (wave.Error, EOFError, ZeroDivisionError):
        raise UnreadableMediaError("not a WAV file") from None
