"""The microphone of ``gemstream live --mic``: half duplex, and never late.

A loudspeaker and a microphone in one room hear each other, and a model that hears itself interrupts
itself. So the microphone is off from the first sound of an answer until the last was played.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING

from ..audio.pcm import INPUT_RATE, level, mime_type, seconds
from ..wire.content import Blob
from .terminal import Printer

if TYPE_CHECKING:
    from ..audio.playback import PlaybackBuffer
    from ..client.live.events import SessionEvent
    from ..client.live.session import LiveSession
    from .live_conversation import Conversation
    from .live_events import LiveOutcome
    from .live_forms import LiveForm

__all__ = ("HalfDuplex", "Meter", "MeteredForm", "Microphone", "bar", "send_microphone")

# Sound that is older than this is not worth sending: the conversation has gone on.
_MOST_SECONDS = 2.0
# What a card has still in its own buffers when ours is empty, and the echo of a room.
_TAIL = 0.3
# A voice at arm's length has ten times as much, a quiet room a tenth.
_AUDIBLE = 0.01
_QUIETEST = -60.0  # dB of full scale at the left end of the meter
_METER_WIDTH = 20
_METER_EVERY = 0.1


class Microphone:
    """Sound as it comes from the card, waiting to be sent; the oldest is dropped when it is late.

    ``receive`` is called in the event loop's thread. ``queued``: seconds that wait. ``dropped``:
    seconds that were never sent.
    """

    __slots__ = ("_arrived", "_waiting", "dropped", "queued", "rate")

    def __init__(self, rate: int = INPUT_RATE) -> None:
        self.rate = rate
        self._waiting: deque[bytes] = deque()
        self.queued = 0.0
        self._arrived = asyncio.Event()
        self.dropped = 0.0

    def receive(self, pcm: bytes) -> None:
        """Take in what the card recorded."""
        self._waiting.append(pcm)
        self.queued += seconds(pcm, self.rate)
        while self.queued > _MOST_SECONDS:
            self.dropped += self._take()[1]
        self._arrived.set()

    async def next(self) -> bytes:
        """Wait for the next piece and return it. Cancelling loses nothing."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._take()[0]

    def _take(self) -> tuple[bytes, float]:
        pcm = self._waiting.popleft()
        lasts = seconds(pcm, self.rate)
        self.queued = self.queued - lasts if self._waiting else 0.0
        return pcm, lasts


class HalfDuplex:
    """Says whether the microphone is on; ``tail``: for how long it stays off behind a sound."""

    __slots__ = ("_on_from", "_tail")

    def __init__(self, tail: float = _TAIL) -> None:
        self._tail = tail
        self._on_from = -math.inf

    def is_on(self, now: float, *, is_playing: bool) -> bool:
        """Return whether what is heard ``now`` is the user; ``is_playing``: the model speaks."""
        if is_playing:
            self._on_from = now + self._tail
        return now >= self._on_from and not is_playing


class Meter:
    """A line on a terminal that shows how loud the microphone is; elsewhere nothing."""

    __slots__ = ("_drawn_at", "_is_drawn", "_out")

    def __init__(self, out: Printer) -> None:
        self._out = out
        self._drawn_at = -math.inf
        self._is_drawn = False

    def show(self, now: float, loudness: float) -> None:
        """Draw the level over the one before."""
        if self._out.is_terminal and now >= self._drawn_at + _METER_EVERY:
            self._drawn_at, self._is_drawn = now, True
            self._out.write(f"\r{bar(loudness, unicode=self._out.has_unicode)}")

    def hide(self) -> None:
        """Wipe the line, so that something else can stand there."""
        if self._is_drawn:
            self._is_drawn = False
            self._out.write(f"\r{' ' * (_METER_WIDTH + 2)}\r")


class MeteredForm:
    """A form that wipes the meter away before it writes."""

    __slots__ = ("_form", "_meter")

    def __init__(self, form: LiveForm, meter: Meter) -> None:
        self._form = form
        self._meter = meter

    def show(self, at: float, event: SessionEvent) -> None:
        """Show an event."""
        self._meter.hide()
        self._form.show(at, event)

    def new_line(self) -> None:
        """Begin a new line within an answer."""
        self._meter.hide()
        self._form.new_line()

    def break_off(self) -> None:
        """End the line of an interrupted answer."""
        self._meter.hide()
        self._form.break_off()

    def show_end(self, outcome: LiveOutcome) -> None:
        """Show how it ended."""
        self._meter.hide()
        self._form.show_end(outcome)


def bar(loudness: float, *, unicode: bool) -> str:
    """Return a level of 0.0 to 1.0 as a bar of constant width, by decibels."""
    decibels = 20 * math.log10(loudness) if loudness > 0 else _QUIETEST
    share = min(1.0, max(0.0, 1 - decibels / _QUIETEST))
    full, empty = "█·" if unicode else "#."
    filled = round(share * _METER_WIDTH)
    return f"[{full * filled}{empty * (_METER_WIDTH - filled)}]"


async def send_microphone(
    session: LiveSession,
    conversation: Conversation,
    microphone: Microphone,
    playback: PlaybackBuffer,
    meter: Meter,
) -> None:
    """Send what the microphone hears while the model does not speak, until cancelled.

    When it goes off, the service is told that the stream ended, so that it does not wait for more.
    """
    gate, kind = HalfDuplex(), mime_type(microphone.rate)
    was_on = False
    while True:
        pcm = await microphone.next()
        now = time.perf_counter()
        is_playing = conversation.is_speaking or playback.queued > 0
        is_on = gate.is_on(now, is_playing=is_playing)
        if is_on:
            loudness = level(pcm)
            if loudness >= _AUDIBLE:
                conversation.asked()  # the wait for the answer begins with the last word
            meter.show(now, loudness)
            await session.send_realtime_input(audio=Blob.of(pcm, kind))
        elif was_on:
            meter.hide()
            await session.send_realtime_input(audio_stream_end=True)
        was_on = is_on
