"""What a caller is told whose key cannot be read, is not known, or may not do this.

An unknown key is answered like one that could never be a key: nothing tells a guesser
how near it came. A disabled or expired key is told so, for only who has all of it gets there.
"""

from __future__ import annotations

from ...policy.key.presented import PresentationFault
from ...policy.key.scope import ScopeFault
from ...wire.dialect.refusal import Fault, Refusal

__all__ = ("TOO_MANY_FAILURES", "UNKNOWN_KEY", "key_refusal", "too_many_failures")

UNKNOWN_KEY = Refusal(Fault.CLIENT_AUTH, "the API key is not valid; give a key of this relay")
TOO_MANY_FAILURES = "too many requests with keys that are not valid came from this address"

_AMBIGUOUS = "; give one key, in one place"
_HOW = "; give it as Authorization: Bearer, x-goog-api-key or x-api-key"


def key_refusal(fault: PresentationFault | ScopeFault) -> Refusal:
    """Return what a caller is told of ``fault``: 400, 401 or 403, by the fault's own status."""
    if isinstance(fault, PresentationFault):
        return _PRESENTATION[fault]
    kind = Fault.CLIENT_AUTH if fault.http_status == 401 else Fault.FORBIDDEN
    return Refusal(kind, fault.value)


def too_many_failures(delay: float) -> Refusal:
    """Return what an address is told that may try again in ``delay`` seconds."""
    return Refusal(Fault.RATE, TOO_MANY_FAILURES, retry_delay=delay)


_PRESENTATION = {
    PresentationFault.MISSING: Refusal(Fault.CLIENT_AUTH, PresentationFault.MISSING.value + _HOW),
    PresentationFault.AMBIGUOUS: Refusal(
        Fault.INVALID, PresentationFault.AMBIGUOUS.value + _AMBIGUOUS
    ),
    PresentationFault.UNKNOWN_SCHEME: Refusal(
        Fault.CLIENT_AUTH, PresentationFault.UNKNOWN_SCHEME.value + _HOW
    ),
    PresentationFault.MALFORMED: UNKNOWN_KEY,
}
