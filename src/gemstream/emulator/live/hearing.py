"""When somebody speaks: raw sound in, starts and ends of speech out; pure.

Sound is judged in frames of 10 ms by how loud they are, and time is what the sound itself lasts, so
the same sound gives the same activities however it is sliced. Loud frames in a row are speech once
they last ``prefix_padding_ms``; quiet ones end it once they last ``silence_duration_ms``.

The service documents the fields and not its numbers. The ones here are the emulator's own: speech
at arm's length from a microphone is at -30 to -20 dB of full scale, a quiet room at -60.
Source of the fields: https://ai.google.dev/api/live#AutomaticActivityDetection.
"""

from __future__ import annotations

import enum

import msgspec

from ...audio.pcm import BYTES_A_SAMPLE, level, seconds
from ...wire.live.server_message import VoiceActivityType
from ...wire.live.setup import (
    AutomaticActivityDetection,
    EndSensitivity,
    StartSensitivity,
)

__all__ = ("Activity", "Detector", "Phase", "Thresholds")

_FRAMES_A_SECOND = 100
# Level from which sound is loud, and how long it must last (ms).
_STARTS = {StartSensitivity.HIGH: (0.01, 100), StartSensitivity.LOW: (0.05, 200)}
# Level below which sound is quiet again, and how long it must last (ms).
_ENDS = {EndSensitivity.HIGH: (0.01, 500), EndSensitivity.LOW: (0.003, 1000)}


class Thresholds(msgspec.Struct, frozen=True):
    """What counts as speech: levels from 0.0 to 1.0, durations in seconds."""

    loud: float
    quiet: float
    speech: float
    silence: float

    @classmethod
    def of(cls, detection: AutomaticActivityDetection) -> Thresholds:
        """Return what a setup asks for; HIGH where it names no sensitivity that is known."""
        start = detection.start_of_speech_sensitivity or StartSensitivity.HIGH
        end = detection.end_of_speech_sensitivity or EndSensitivity.HIGH
        loud, speech_ms = _STARTS.get(start, _STARTS[StartSensitivity.HIGH])
        quiet, silence_ms = _ENDS.get(end, _ENDS[EndSensitivity.HIGH])
        if detection.prefix_padding_ms is not None:
            speech_ms = detection.prefix_padding_ms
        if detection.silence_duration_ms is not None:
            silence_ms = detection.silence_duration_ms
        return cls(loud, quiet, speech_ms / 1000, silence_ms / 1000)


class Activity(msgspec.Struct, frozen=True):
    """Speech began or ended, ``offset`` seconds after the first sound."""

    type: VoiceActivityType
    offset: float


class Phase(enum.Enum):
    """What is heard."""

    SILENCE = "silence"
    RISING = "rising"  # loud, and not yet long enough to be speech
    SPEECH = "speech"
    FADING = "fading"  # quiet, and not yet long enough to end the speech


# By a loud frame, by a quiet one.
_NEXT = {
    Phase.SILENCE: (Phase.RISING, Phase.SILENCE),
    Phase.RISING: (Phase.RISING, Phase.SILENCE),
    Phase.SPEECH: (Phase.SPEECH, Phase.FADING),
    Phase.FADING: (Phase.SPEECH, Phase.FADING),
}
# What a phase becomes once it has lasted.
_SETTLED = {
    Phase.RISING: (Phase.SPEECH, VoiceActivityType.ACTIVITY_START),
    Phase.FADING: (Phase.SILENCE, VoiceActivityType.ACTIVITY_END),
}
_IN_SPEECH = (Phase.SPEECH, Phase.FADING)


class Detector:
    """Listens to one stream of sound; ``elapsed`` is how many seconds of it were judged."""

    __slots__ = ("_pending", "_rate", "_since", "_thresholds", "elapsed", "phase")

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._pending = bytearray()  # less than a frame
        self._rate = 0
        self._since = 0.0  # when the phase began
        self.phase = Phase.SILENCE
        self.elapsed = 0.0

    @property
    def is_speech(self) -> bool:
        """True from the start of speech to its end."""
        return self.phase in _IN_SPEECH

    def hear(self, pcm: bytes, rate: int) -> list[Activity]:
        """Return what happens in ``pcm``: 16 bits, little-endian, mono, ``rate`` samples a second.

        Half a sample waits for its other half.
        """
        found = self._judge_rest() if rate != self._rate else []
        self._rate = rate
        self._pending += pcm
        size = BYTES_A_SAMPLE * (rate // _FRAMES_A_SECOND)
        whole = len(self._pending) - len(self._pending) % size
        for place in range(0, whole, size):
            found += self._judge(bytes(self._pending[place : place + size]))
        del self._pending[:whole]
        return found

    def end(self) -> list[Activity]:
        """Return what the end of the stream means: speech does not go on in silence."""
        found = self._judge_rest()
        if self.is_speech:
            offset = self._since if self.phase is Phase.FADING else self.elapsed
            found.append(Activity(VoiceActivityType.ACTIVITY_END, offset))
        self._enter(Phase.SILENCE)
        return found

    def _judge_rest(self) -> list[Activity]:
        """Judge what is less than a frame, without half a sample at its end."""
        rest = bytes(self._pending[: len(self._pending) // BYTES_A_SAMPLE * BYTES_A_SAMPLE])
        self._pending.clear()
        return self._judge(rest) if rest else []

    def _judge(self, frame: bytes) -> list[Activity]:
        limits = self._thresholds
        is_loud = level(frame) >= (limits.quiet if self.is_speech else limits.loud)
        phase = _NEXT[self.phase][0 if is_loud else 1]
        if phase is not self.phase:
            self._enter(phase)
        self.elapsed += seconds(frame, self._rate)
        return self._settle()

    def _settle(self) -> list[Activity]:
        settled = _SETTLED.get(self.phase)
        if settled is None:
            return []
        limits = self._thresholds
        needed = limits.speech if self.phase is Phase.RISING else limits.silence
        # Frames of 10 ms do not add up exactly; half a frame decides.
        if self.elapsed - self._since < needed - 0.5 / _FRAMES_A_SECOND:
            return []
        offset, (phase, type) = self._since, settled
        self._enter(phase)
        return [Activity(type, offset)]

    def _enter(self, phase: Phase) -> None:
        self.phase, self._since = phase, self.elapsed
