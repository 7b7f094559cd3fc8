"""Sound on its way to a loudspeaker: in as it comes, out as it is played.

Strategy. One thread writes, which also clears; one reads, mostly the sound card's own, which may
not wait for a lock. So none is taken: each number below is set by one of the two threads alone,
pieces pass through a deque, whose ends are safe, and every piece knows where it stands in all that
was written, so that the reader passes over what was cleared under its hands.
"""

from __future__ import annotations

from collections import deque

from ..errors import InvalidRequest, InvalidState
from .pcm import BYTES_A_SAMPLE, OUTPUT_RATE, check_rate

__all__ = ("PlaybackBuffer",)

# An answer comes faster than it is played; the longest that were seen last minutes. 29 MB.
_MOST_SECONDS = 600.0


class PlaybackBuffer:
    """PCM of 16 bits, mono, waiting to be played; silence when there is none.

    ``rate``: samples a second. ``most_seconds``: how much may wait at most. One thread may write
    and clear while one other reads.
    """

    __slots__ = (
        "_bytes_a_second",
        "_head",
        "_most",
        "_odd",
        "_pieces",
        "_played",
        "_position",
        "_void",
        "_written",
    )

    def __init__(self, rate: int = OUTPUT_RATE, *, most_seconds: float = _MOST_SECONDS) -> None:
        check_rate(rate)
        if not most_seconds > 0:
            raise InvalidRequest(f"most_seconds is {most_seconds!r}; give a time above 0")
        self._bytes_a_second = rate * BYTES_A_SAMPLE
        self._most = most_seconds
        self._pieces: deque[tuple[int, bytes]] = deque()  # with its place in all that was written
        # The writer's.
        self._written = 0
        self._void = 0  # nothing before this place is to be heard any more
        self._odd = b""  # the first half of a sample
        # The reader's.
        self._head = memoryview(b"")  # what is left of the piece at ``_position``
        self._position = 0
        self._played = 0

    @property
    def queued(self) -> float:
        """How many seconds of sound wait to be played."""
        left = self._written - max(self._position, self._void)
        return max(0, left) / self._bytes_a_second

    @property
    def played(self) -> float:
        """How many seconds of sound were played in all; silence does not count."""
        return self._played / self._bytes_a_second

    def write(self, pcm: bytes) -> None:
        """Add sound, of any number of bytes; the first half of a sample waits for the second.

        Raises InvalidState when more would wait than may, and adds nothing.
        """
        if self.queued + len(pcm) / self._bytes_a_second > self._most:
            raise InvalidState(
                f"{self.queued:.1f} s of sound wait to be played, of at most {self._most:g}; read "
                "them, clear them, or raise most_seconds"
            )
        pcm = self._odd + pcm if self._odd else bytes(pcm)
        whole = len(pcm) - len(pcm) % BYTES_A_SAMPLE
        self._odd = pcm[whole:]
        if whole:
            self._pieces.append((self._written, pcm[:whole]))
            self._written += whole

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes, with silence behind the sound that there is.

        Never waits. Raises InvalidRequest for half a sample.
        """
        if size < 0 or size % BYTES_A_SAMPLE:
            raise InvalidRequest(f"{size} bytes are no whole samples of two bytes each")
        sound = bytearray()
        while len(sound) < size and self._find():
            piece = self._head[: size - len(sound)]
            sound += piece
            self._head = self._head[len(piece) :]
            self._position += len(piece)
        self._played += len(sound)
        return bytes(sound).ljust(size, b"\0")

    def clear(self) -> None:
        """Drop all that waits, as the user interrupted; what is being read may still sound."""
        self._odd = b""
        self._void = self._written
        self._pieces.clear()

    def _find(self) -> bool:
        """Make the head the next sound to be heard; return False when there is none."""
        while not self._head or self._position < self._void:
            try:
                self._position, piece = self._pieces.popleft()
            except IndexError:
                self._head = memoryview(b"")
                return False
            self._head = memoryview(piece)
        return True
