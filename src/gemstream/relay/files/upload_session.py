"""An upload that is under way: which key began it, and where its account takes the bytes.

The caller gets it sealed, as the id in the address it sends the bytes to, and nothing of it is
kept: any worker, also one of a relay that was started anew, can open it, nobody can make one, and
the service's own address, which needs no key, is seen by nobody. As at the service, who has the
address may upload: official SDKs send no key with the bytes.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable

import msgspec

from ...errors import ConfigError
from ..secrets.master import MasterSecret, Purpose
from ..secrets.sealed import Place, Sealer

__all__ = ("UploadSession", "UploadSessions")

_PLACE = Place("uploads", "session", "id")
# The service keeps an unfinished upload for days; its file would live for two.
_LIFETIME = 48 * 3600
_LONGEST = 6 * 1024


class UploadSession(msgspec.Struct, frozen=True, array_like=True):
    """``url``: the account's address for the bytes; ``expires``: seconds since 1970."""

    key_id: str
    account: str
    url: str
    expires: int

    def __repr__(self) -> str:
        # The address is all that is needed to write to the account.
        return f"UploadSession(key_id={self.key_id!r}, account={self.account!r})"


class UploadSessions:
    """Seals sessions into ids, and opens them; ``clock``: seconds since 1970.

    Raises ConfigError without ``gemstream[relay]``.
    """

    __slots__ = ("_clock", "_sealer")

    def __init__(self, master: MasterSecret, clock: Callable[[], float] = time.time) -> None:
        self._sealer = Sealer(master, Purpose.UPLOAD)
        self._clock = clock

    def seal(self, key_id: str, account: str, url: str) -> str:
        """Return the id of an upload that begins now: letters, digits, ``-`` and ``_``."""
        expires = round(self._clock()) + _LIFETIME
        session = msgspec.msgpack.encode(UploadSession(key_id, account, url, expires))
        return base64.urlsafe_b64encode(self._sealer.seal(session, _PLACE)).rstrip(b"=").decode()

    def open(self, upload_id: str) -> UploadSession | None:
        """Return the session behind an id; None for one that is over, or never was."""
        if len(upload_id) > _LONGEST or not upload_id.isascii():
            return None
        try:
            sealed = base64.urlsafe_b64decode(upload_id + "=" * (-len(upload_id) % 4))
            session = msgspec.msgpack.decode(self._sealer.open(sealed, _PLACE), type=UploadSession)
        except (ConfigError, binascii.Error, msgspec.DecodeError):
            return None
        return session if self._clock() < session.expires else None
