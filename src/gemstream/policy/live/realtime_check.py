"""Realtime input that a session cannot take, told before it is sent.

Source: https://ai.google.dev/api/live#BidiGenerateContentRealtimeInput and what the service closes
sessions for, as an activity end while it detects activity itself.
"""

from __future__ import annotations

import re

from ...errors import InvalidRequest, InvalidState, UnsupportedMedia
from ...wire.content import Blob
from ...wire.live.client_message import RealtimeInput
from .progress import Progress

__all__ = ("RATES", "check_our_realtime", "check_realtime", "pcm_rate")

# What speech is recorded with, from the telephone to the studio; the service resamples.
RATES = range(8_000, 48_001)
_PCM = "audio/pcm"
_DEFAULT_RATE = 16_000  # of what the user says, when the type does not tell
_RATE = re.compile(r";\s*rate\s*=\s*([^;\s]*)", re.IGNORECASE)
_FIELDS = (
    "audio",
    "video",
    "text",
    "activity_start",
    "activity_end",
    "audio_stream_end",
    "media_chunks",
)


def check_realtime(realtime: RealtimeInput, progress: Progress) -> None:
    """Raise InvalidRequest, UnsupportedMedia or InvalidState for input that cannot be sent now."""
    given = [name for name in _FIELDS if getattr(realtime, name) not in (None, False, (), [])]
    if len(given) != 1:
        what = " and ".join(given) or "nothing"
        raise InvalidRequest(f"realtime input holds exactly one of its fields, not {what}")
    name = given[0]
    if name == "audio":
        _check_media(realtime.audio, "audio", "audio/pcm;rate=16000")
    elif name == "video":
        _check_media(realtime.video, "image", "image/jpeg")
    elif name == "media_chunks":
        kind = "image" if (realtime.media_chunks[0].mime_type or "")[:5] == "image" else "audio"
        _check_media(realtime.media_chunks[0], kind, "audio/pcm;rate=16000")
    elif name == "text":
        if not isinstance(realtime.text, str):
            raise InvalidRequest(f"the text of realtime input is {realtime.text!r:.80}; send words")
        if not realtime.text:
            raise InvalidRequest("the text of realtime input is empty; send words, or nothing")
    else:
        _check_activity(name, progress)


def check_our_realtime(realtime: RealtimeInput) -> None:
    """Raise for input that only its sender can know to be wrong or useless."""
    if len(realtime.media_chunks) > 1:
        raise InvalidRequest(
            f"the service uses only the first of {len(realtime.media_chunks)} media chunks; send "
            "each by itself"
        )
    kind = realtime.audio.mime_type or "" if realtime.audio is not None else _PCM
    if not kind.startswith(_PCM):
        raise UnsupportedMedia(
            f"realtime audio has the type {kind!r}, and a session hears raw samples alone; send "
            "PCM of 16 bits, mono, as gemstream.audio.read_wav gives it, of type "
            "'audio/pcm;rate=16000'",
            mime_type=kind,
        )


def pcm_rate(mime_type: str) -> int:
    """Return the samples a second that a type of raw audio names; 16,000 when it names none.

    Raises UnsupportedMedia for a rate that no speech is recorded with.
    """
    found = _RATE.search(mime_type)
    if found is None:
        return _DEFAULT_RATE
    digits = found[1].strip('"')
    if not re.fullmatch(r"[0-9]{1,6}", digits) or int(digits) not in RATES:
        raise UnsupportedMedia(
            f"audio of rate {found[1]!r} is not speech; resample it to one from {RATES[0]:,} to "
            f"{RATES[-1]:,} Hz, 16,000 is the service's own",
            mime_type=mime_type,
        )
    return int(digits)


def _check_media(blob: object, kind: str, example: str) -> None:
    if not isinstance(blob, Blob):
        raise InvalidRequest(
            f"the {kind} of realtime input must be a Blob, not {type(blob).__name__}: "
            f"Blob.of(content, {example!r})"
        )
    mime_type = blob.mime_type or ""
    if not blob.data:
        raise InvalidRequest(f"the {kind} of realtime input is empty; send bytes, or nothing")
    if not mime_type.startswith(f"{kind}/"):
        raise UnsupportedMedia(
            f"realtime {kind} has the type {mime_type!r}; use one such as {example!r}",
            mime_type=mime_type,
        )
    if mime_type.startswith("audio/pcm") and mime_type != "audio/pcm;rate=16000":
        pcm_rate(mime_type)


def _check_activity(name: str, progress: Progress) -> None:
    detects, is_speaking = progress.detects_activity, progress.is_speaking
    if name == "audio_stream_end":
        if detects is False:
            raise InvalidState(
                "audio_stream_end belongs to automatic activity detection, which the setup "
                "switched off; send activity_end"
            )
    elif detects:
        raise InvalidState(
            f"{name} while the service detects activity itself closes the session; set "
            "automatic_activity_detection.disabled in the setup"
        )
    elif name == "activity_start" and is_speaking:
        raise InvalidState("activity_start came already; send activity_end first")
    elif name == "activity_end" and not is_speaking:
        raise InvalidState("activity_end without activity_start; send that first")
