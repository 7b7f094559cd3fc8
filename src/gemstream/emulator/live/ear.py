"""What the user says and shows in a session, gathered until it is a turn; pure.

A second of sound is 25 tokens, a picture 258, or 64 at low resolution.
Source: https://ai.google.dev/gemini-api/docs/tokens#multimodal-tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from ...audio.pcm import seconds
from ...wire.content import Content, Part
from ...wire.live.setup import AutomaticActivityDetection, LiveSetup, TurnCoverage
from ...wire.media import MediaResolution
from .hearing import Activity, Detector, Thresholds

__all__ = ("Ear", "Heard", "Perceived", "coverage_of")

_TOKENS_A_SECOND = 25
_TOKENS_A_FRAME = 258
_TOKENS_A_COARSE_FRAME = 64


class Heard(Content, frozen=True):
    """A turn of the user that was heard or seen: in words, with the tokens by modality."""

    tokens: Mapping[str, int] = {}


class Perceived(msgspec.Struct, frozen=True):
    """What a turn holds: ``speech`` and all ``sound`` in seconds, pictures."""

    speech: float
    sound: float
    frames: int

    def content(self, words: str, setup: LiveSetup) -> Heard:
        """Return the turn as the history keeps it; ``words`` is what was understood."""
        config = setup.generation_config
        is_coarse = config is not None and config.media_resolution is MediaResolution.LOW
        tokens = {
            "AUDIO": math.ceil(self.sound * _TOKENS_A_SECOND - 1e-6),
            "VIDEO": self.frames * (_TOKENS_A_COARSE_FRAME if is_coarse else _TOKENS_A_FRAME),
        }
        parts = [Part(text=words)] if words else []
        kept = {kind: count for kind, count in tokens.items() if count}
        return Heard(role="user", parts=parts, tokens=kept)


def coverage_of(setup: LiveSetup, model: str) -> TurnCoverage:
    """Return which input is part of a turn; Gemini 3 has a choice of its own."""
    config = setup.realtime_input_config
    asked = config.turn_coverage if config else None
    if asked is not None and not asked.is_unspecified:
        return asked
    if model.startswith("gemini-3"):
        return TurnCoverage.AUDIO_ACTIVITY_AND_ALL_VIDEO
    return TurnCoverage.ONLY_ACTIVITY


class Ear:
    """Hears and sees for one session.

    ``hear`` and ``end_stream`` return the activities that are detected; with detection disabled
    there are none, and ``begin`` says that the user speaks. ``take`` ends what was gathered.
    """

    __slots__ = (
        "_coverage",
        "_detector",
        "_elapsed",
        "_frames",
        "_spoken_from",
        "_taken_at",
        "is_speech",
    )

    def __init__(self, setup: LiveSetup, model: str) -> None:
        config = setup.realtime_input_config
        asked = config.automatic_activity_detection if config else None
        detection = asked or AutomaticActivityDetection()
        self._detector = Detector(Thresholds.of(detection)) if setup.detects_activity else None
        self._coverage = coverage_of(setup, model)
        self._elapsed = 0.0  # seconds of sound since the session began
        self._taken_at = 0.0
        self._spoken_from = 0.0
        self._frames = 0
        self.is_speech = False

    def hear(self, pcm: bytes, rate: int) -> list[Activity]:
        """Take in sound as ``Detector.hear`` does."""
        self._elapsed += seconds(pcm, rate)
        return [] if self._detector is None else self._detector.hear(pcm, rate)

    def end_stream(self) -> list[Activity]:
        """Take in that the microphone pauses."""
        return [] if self._detector is None else self._detector.end()

    def see(self) -> None:
        """Take in a picture; one that no turn is to hold is forgotten."""
        if self.is_speech or self._coverage is not TurnCoverage.ONLY_ACTIVITY:
            self._frames += 1

    def begin(self, offset: float | None = None) -> None:
        """Note that speech began, ``offset`` seconds into the sound, or now."""
        self.is_speech = True
        self._spoken_from = self._elapsed if offset is None else offset

    def take(self, offset: float | None = None) -> Perceived:
        """Return what the turn holds whose speech ended at ``offset``, or now; begin anew."""
        ended_at = self._elapsed if offset is None else offset
        speech = ended_at - self._spoken_from if self.is_speech else 0.0
        is_all = self._coverage is TurnCoverage.ALL_INPUT
        sound = self._elapsed - self._taken_at if is_all else speech
        perceived = Perceived(speech, sound, self._frames)
        self._taken_at, self._frames, self.is_speech = self._elapsed, 0, False
        return perceived

    def glance(self) -> Perceived:
        """Return the pictures that go with a turn in writing; those of speech wait for its end."""
        frames = 0 if self.is_speech else self._frames
        self._frames -= frames
        return Perceived(0.0, 0.0, frames)
