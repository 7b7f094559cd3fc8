"""Which session a request belongs to, so that its next one meets the same account and its cache.

Strategy. What the caller says is a session comes first, then what stays the same in each of its
requests: the system instruction and the first message, together, for the instruction alone is often
that of a whole team. The key of the caller is part of it: two callers never share a session.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping

from ...wire.codec import JSONObject
from ...wire.dialect.dialect import Dialect

__all__ = ("SESSION_HEADER", "session_hash")

SESSION_HEADER = "x-session-id"
_LENGTH = 32
# The beginning of a long prompt tells sessions apart as well as all of it, and costs less.
_MOST_TEXT = 64 * 1024
# So many messages and pieces of text are looked at.
_OPENING = 8
_INSTRUCTING = ("system", "developer")


def session_hash(
    caller: str, dialect: Dialect, headers: Mapping[str, str], body: JSONObject
) -> str:
    """Return 32 hex digits that name the session; ``""`` when nothing tells one from another.

    ``caller``: the id of its key. ``headers``: names in small letters. ``body``: in plain JSON and
    not yet checked: fields of another type than they should have are passed over.
    """
    named = headers.get(SESSION_HEADER) or _named(dialect, body)
    told = named or _opening(dialect, body)
    if not told:
        return ""
    kind = "named" if named else "opening"
    digest = hashlib.sha256("\0".join((caller, kind, told)).encode("utf-8", "replace"))
    return digest.hexdigest()[:_LENGTH]


def _named(dialect: Dialect, body: JSONObject) -> str:
    """Return what the caller names a session, or its user, or the cache that it uses."""
    match dialect:
        case Dialect.OPENAI:
            return _text(body.get("prompt_cache_key")) or _text(body.get("user"))
        case Dialect.ANTHROPIC:
            metadata = body.get("metadata")
            return _text(metadata.get("user_id")) if isinstance(metadata, dict) else ""
        case Dialect.GEMINI:
            return _text(body.get("cachedContent")) or _text(body.get("cached_content"))


def _opening(dialect: Dialect, body: JSONObject) -> str:
    """Return the words that each request of a conversation begins with."""
    if dialect is Dialect.GEMINI:
        system = body.get("systemInstruction") or body.get("system_instruction")
        messages = body.get("contents")
    else:
        system, messages = body.get("system"), body.get("messages")
    texts = (*_texts(system), *_texts(_first_said(messages)))
    return "\0".join(itertools.islice(texts, _OPENING))


def _first_said(messages: object) -> list[object]:
    """Return the messages up to the first that is no instruction: later turns come behind."""
    opening: list[object] = []
    for message in messages[:_OPENING] if isinstance(messages, list) else ():
        opening.append(message)
        role = message.get("role") if isinstance(message, dict) else None
        if role not in _INSTRUCTING:
            break
    return opening


def _texts(value: object) -> Iterator[str]:
    """Yield what is written in a message, in the parts of one, or in several of them."""
    if isinstance(value, str):
        yield value[:_MOST_TEXT]
    elif isinstance(value, dict):
        yield from _texts(value.get("text") or value.get("parts") or value.get("content"))
    elif isinstance(value, list):
        for one in value[:_OPENING]:
            yield from _texts(one)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
