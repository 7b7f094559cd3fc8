"""How the service was seen to end Live connections, and what is to be done: the table as data.

Each line is held by at least one row of the matrix. What can befall a session besides stands in
``BESIDES``, so that a row says also of that what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ("BESIDES", "DISCONNECTS")

DISCONNECTS: Mapping[str, str] = {
    "life of 10 min": "sliding window and resumption in every setup; it goes on in another one",
    "farewell, then 1011": "move at the farewell, not at the drop",
    "58:00 with 1011": "move at 50 min by oneself; on 1007 begin afresh with what was said",
    "1008 naming GoAway": "close the old connection oneself; go on all the same",
    "1011 while the old one is open": "close, wait for the close, resume",
    "1011 unavailable": "backoff, the same handle",
    "1006 without a close frame": "backoff, the same handle",
    "1008 at 150 s": "an intermediary's end is told, and not tried again",
    "1007/1008 before setupComplete": "told, and not tried again",
}

BESIDES: Mapping[str, str] = {
    "the upgrade refused": "tried again when it may pass, told when not",
    "no answer in time": "told within the timeout",
    "no message of the protocol": "told; what is unknown is passed on",
    "a normal close": "a plain end",
}
