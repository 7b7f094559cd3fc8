"""The sound card of this machine, by sounddevice (extra ``audio``) and PortAudio.

The one place that talks to them: what they raise leaves here as ConfigError.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ..audio.pcm import INPUT_RATE, OUTPUT_RATE
from ..audio.playback import PlaybackBuffer
from ..errors import ConfigError

__all__ = ("open_sound_card", "portaudio_problem")

_BLOCK_SECONDS = 0.05
_NO_PORTAUDIO = (
    "PortAudio is not installed, which sounddevice needs; on Debian and Ubuntu: "
    "apt install libportaudio2"
)
_LOOK = "python -m sounddevice lists the devices there are"


def portaudio_problem() -> str:
    """Return why sounddevice, when it is installed, finds no PortAudio; ``""`` when all is well."""
    try:
        _import_sounddevice()
    except ConfigError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def open_sound_card(on_sound: Callable[[bytes], None], playback: PlaybackBuffer) -> Iterator[None]:
    """Record and play until the end of the block, on the usual devices.

    ``on_sound`` is called in the event loop's thread with 50 ms at 16 kHz each; ``playback`` is
    read at 24 kHz by the card's own thread. Raises ConfigError with what to do.
    """
    sounddevice = _import_sounddevice()
    loop = asyncio.get_running_loop()

    def record(sound: Any, frames: int, time: Any, status: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(on_sound, bytes(sound))

    def play(sound: Any, frames: int, time: Any, status: Any) -> None:
        sound[:] = playback.read(len(sound))

    usual = {"channels": 1, "dtype": "int16"}
    block = int(INPUT_RATE * _BLOCK_SECONDS)
    try:
        with (
            sounddevice.RawOutputStream(samplerate=OUTPUT_RATE, callback=play, **usual),
            sounddevice.RawInputStream(
                samplerate=INPUT_RATE, blocksize=block, callback=record, **usual
            ),
        ):
            yield
    except sounddevice.PortAudioError as error:
        said = error.args[0] if error.args else "it does not say why"
        raise ConfigError(f"the sound card cannot be used: {said}; {_LOOK}") from None


def _import_sounddevice() -> Any:
    try:
        import sounddevice  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ConfigError(f"--mic needs {error.name}: pip install 'gemstream[audio]'") from None
    except OSError:  # its wheels for Linux come without the library
        raise ConfigError(_NO_PORTAUDIO) from None
    return sounddevice
