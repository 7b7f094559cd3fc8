"""Speech as bytes: what a program does with sound before it sends it and after it comes.

Pure: no sound card, no clock, no event loop. Nothing is resampled here, for the service does it.
"""

from __future__ import annotations

from .pcm import BYTES_A_SAMPLE, INPUT_RATE, OUTPUT_RATE, chunks, level, mime_type, rate_of, seconds
from .playback import PlaybackBuffer
from .wav import Sound, WavWriter, decode_wav, read_wav, write_wav

__all__ = (
    "BYTES_A_SAMPLE",
    "INPUT_RATE",
    "OUTPUT_RATE",
    "PlaybackBuffer",
    "Sound",
    "WavWriter",
    "chunks",
    "decode_wav",
    "level",
    "mime_type",
    "rate_of",
    "read_wav",
    "seconds",
    "write_wav",
)
