"""Answers as neutral events: pieces of them, and any of them in a valid order."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from gemstream.wire.dialect.anthropic.wishes import MessageWishes
from gemstream.wire.dialect.neutral import (
    CallArguments,
    CallClosed,
    CallOpened,
    Ended,
    Event,
    Finished,
    Media,
    RawPart,
    Signature,
    SignatureTarget,
    Started,
    Text,
    Thought,
    Usage,
)
from gemstream.wire.usage import UsageMetadata

__all__ = ("STARTED", "answers", "call", "wishes_of_any")

STARTED = Started("up_1", "gemini-3-flash")


def call(number: int, name: str, *pieces: str, signature: str = "") -> list[Event]:
    signed: list[Event] = [Signature(signature, SignatureTarget.CALL, number)] if signature else []
    arguments: list[Event] = [CallArguments(number, piece) for piece in pieces or ("{}",)]
    return [*signed, CallOpened(number, name), *arguments, CallClosed(number)]


_texts = st.text(min_size=1, max_size=20)
_signatures = st.text(alphabet="ABCabc123+/=", min_size=1, max_size=12)
_json = st.dictionaries(
    st.text(max_size=5), st.integers(-(2**53), 2**53) | st.text(max_size=5), max_size=3
).map(lambda plain: msgspec.json.encode(plain).decode())
_pieces = st.one_of(
    _texts.map(Text),
    _texts.map(Thought),
    _signatures.map(lambda value: Signature(value, SignatureTarget.TEXT)),
    _signatures.map(lambda value: Signature(value, SignatureTarget.THOUGHT)),
    st.just(Media("image/png", "AAAA")),
    st.just(RawPart(b'{"executableCode":{}}')),
    st.integers(0, 99).map(lambda n: Usage(UsageMetadata(prompt_token_count=n))),
    st.tuples(_json, st.integers(0, 9), st.none() | _signatures),
)
_ends = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "MALFORMED_RESPONSE"])
wishes_of_any = st.builds(MessageWishes, is_one_call=st.booleans(), shows_thoughts=st.booleans())


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """Any answer whose events come in a valid order."""
    events: list[Event] = [STARTED]
    number = 0
    for piece in draw(st.lists(_pieces, max_size=12)):
        if isinstance(piece, Event):
            events.append(piece)
            continue
        json, cut, signature = piece
        pieces = [part for part in (json[:cut], json[cut:]) if part]
        events += call(number, f"f{number}", *pieces, signature=signature or "")
        number += 1
    return [*events, Finished(draw(_ends)), Ended()]
