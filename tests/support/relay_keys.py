"""Keys of a relay, its master secret, and its limits on a clock that a test sets."""

from __future__ import annotations

from typing import Any

from gemstream.config.relay.options import KeyOptions
from gemstream.relay.keys.book import KeyBook
from gemstream.relay.keys.hasher import KeyHasher
from gemstream.relay.keys.key import Key, key_of
from gemstream.relay.secrets.master import MasterSecret

__all__ = ("LITERAL", "MASTER", "OTHER_MASTER", "a_book", "a_key")

MASTER = MasterSecret({1: "a-master-secret-for-tests-and-for-nothing-else"})
OTHER_MASTER = MasterSecret({1: "another-master-secret-that-nobody-here-knows"})
LITERAL = "the-key-of-team-a-in-full"


def a_book(*keys: KeyOptions, clock: Any = lambda: 0.0) -> KeyBook:
    """Return a book of configured keys, by default on a clock that stands at 0."""
    return KeyBook(keys, KeyHasher(MASTER), clock)


def a_key(name: str = "team-a", **options: Any) -> Key:
    """Return a key as the book has it."""
    return key_of(KeyOptions(name=name, key=LITERAL, **options))
