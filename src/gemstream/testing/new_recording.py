"""A test's requests forwarded to the real service, and their answers kept for the next run.

The test and its client know no key of the service; it is put in on the way.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from ..config.options import BASE_URL, BASE_URL_VARIABLE, resolve_key
from ..emulator.exchange import Exchange
from ..emulator.recorder import Recorder
from ..errors import ConfigError
from ..net.recording import Recording, encode

__all__ = ("NewRecording",)

_KEY_HEADER = "x-goog-api-key"


class NewRecording(Recorder):
    """Forwards to ``url``, or where ``environ`` says, and keeps what passes until ``write``.

    The key in ``environ`` takes the place of whatever key a request has. Raises ConfigError without
    one there, and for an address that is none.
    """

    def __init__(
        self,
        url: str | None,
        environ: Mapping[str, str],
        *,
        redact: Sequence[str] = (),
    ) -> None:
        key, _ = resolve_key(None, environ)
        if key is None:
            raise ConfigError("recording needs a key of the real service in GEMINI_API_KEY")
        self._key = key
        self._kept: list[Recording] = []
        address = url or environ.get(BASE_URL_VARIABLE) or BASE_URL
        super().__init__(address, self._kept.append, redact=redact)

    async def answer(self, exchange: Exchange, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Answer with what the service answers; raises Unavailable when it cannot be reached."""
        exchange.query.pop("key", None)
        exchange.headers = {**exchange.headers, _KEY_HEADER: self._key}
        await super().answer(exchange, sleep)

    @property
    def is_good(self) -> bool:
        """True when something was recorded and the service refused nothing."""
        return bool(self._kept) and all(recording.status < 400 for recording in self._kept)

    def write(self, path: Path) -> None:
        """Put the file at ``path``, all of it or nothing; call it when the recorder is closed.

        Raises ConfigError when nothing was recorded, and for a file that cannot be written.
        """
        if not self._kept:
            raise ConfigError("nothing was recorded: the test asked the service nothing")
        partial = path.with_name(f".{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(b"".join(map(encode, self._kept)))
            os.replace(partial, path)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
