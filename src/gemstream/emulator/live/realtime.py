"""Realtime input of a Live session: what it may be, and what speech is understood as."""

from __future__ import annotations

import msgspec

from ...policy.live.realtime_check import pcm_rate
from ...policy.live.server_event import Audio
from ...wire.live.setup import LiveSetup
from ...wire.media import Transcription
from ..scripts.steps import Hears
from .ear import Perceived
from .ending import SessionEnd
from .house import SPEECH, House

__all__ = ("check_setup", "rate_of", "transcribe")

_MODALITIES = ("TEXT", "AUDIO")
_INVALID = "Request contains an invalid argument:"


def check_setup(setup: LiveSetup) -> None:
    """Raise SessionEnd for a setup that the service refuses and our client's check lets pass."""
    config = setup.generation_config
    asked = config.response_modalities if config else ()
    if len(asked) > 1 or any(one not in _MODALITIES for one in asked):
        raise SessionEnd(1007, f"{_INVALID} response_modalities is TEXT or AUDIO")
    realtime = setup.realtime_input_config
    detection = realtime.automatic_activity_detection if realtime else None
    for name in ("prefix_padding_ms", "silence_duration_ms"):
        if detection is not None and (getattr(detection, name) or 0) < 0:
            raise SessionEnd(1007, f"{_INVALID} {name} must not be negative")


def rate_of(event: Audio) -> int:
    """Return the rate of a piece of sound; raises SessionEnd for one that is no raw PCM."""
    kind = event.mime_type.partition(";")[0].strip()
    if kind != "audio/pcm":
        raise SessionEnd(1007, f"{_INVALID} audio is audio/pcm;rate=16000, not {kind}")
    return pcm_rate(event.mime_type)


def transcribe(perceived: Perceived, house: House, model: str) -> list[Transcription]:
    """Return what was understood, in pieces: what the script says, else how long it was.

    Raises SessionEnd for a step of the script that is no ``Hears``.
    """
    length = f"{perceived.speech:.1f} seconds of speech"
    steps = house.steps_for(SPEECH, model, length)
    for step in steps:
        if not isinstance(step, Hears):
            kind = "text" if isinstance(step, str) else type(step).__name__
            raise SessionEnd(1011, f"the script's step {kind} cannot be heard; write Hears")
    texts = [step.text for step in steps if isinstance(step, Hears)] or [length]
    pieces = [Transcription(text=text) for text in texts]
    return [*pieces[:-1], msgspec.structs.replace(pieces[-1], finished=True)]
