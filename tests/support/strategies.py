"""What Hypothesis needs to know: random cuts, and random messages of every wire type."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gemstream.wire import (
    content,
    embedding,
    generation_config,
    grounding,
    media,
    model,
    request,
    response,
    safety,
    speech,
    status,
    tool,
    usage,
)
from gemstream.wire.codec import Message
from gemstream.wire.live import auth_token, client_message, server_message, setup
from gemstream.wire.live import usage as live_usage

_MODULES = (
    auth_token,
    client_message,
    content,
    embedding,
    generation_config,
    grounding,
    live_usage,
    media,
    model,
    request,
    response,
    safety,
    server_message,
    setup,
    speech,
    status,
    tool,
    usage,
)
MESSAGE_TYPES = sorted(
    {
        kind
        for module in _MODULES
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Message) and kind is not Message
    },
    key=lambda kind: kind.__name__,
)

# Times are the machine's own: no deadline, and no complaint about a slow one.
calm = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

# The characters that JSON, SSE and line readers are known to stumble over, and all others.
texts = st.text(
    st.one_of(
        st.sampled_from('\u0085\u2028\u2029\r\n"\\{}[]:,\ufeff😀'), st.characters(codec="utf-8")
    ),
    max_size=12,
)
_keys = st.one_of(
    texts, st.sampled_from(["mime_type", "mimeType", "extra", "error", "functionCall"])
)
_numbers = st.integers(-(2**63), 2**64 - 1)
plain = st.recursive(
    st.one_of(
        st.none(), st.booleans(), _numbers, texts, st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=6,
)
# Strangers carry a mark, so that none of them is a field this version knows.
strangers = st.dictionaries(texts.map(lambda text: f"~{text}"), plain, min_size=1, max_size=2)


def cuts(data: bytes) -> st.SearchStrategy[list[int]]:
    """Places to cut ``data`` at, empty pieces included."""
    return st.lists(st.integers(0, len(data)), max_size=8)


def messages(kind: type[Message], depth: int = 2) -> st.SearchStrategy[Message]:
    """Messages of one type with any of their fields set; below ``depth`` only flat fields."""
    info = msgspec.inspect.type_info(kind)
    fields = {
        field.name: value
        for field in info.fields  # type: ignore[attr-defined]
        if field.name != "extra" and (value := _values(field.type, depth)) is not None
    }
    chosen: dict[str, Any] = {**fields, "extra": strangers}
    return st.fixed_dictionaries({}, optional=chosen).map(lambda values: kind(**values))


_LEAVES: dict[type, st.SearchStrategy[Any]] = {
    msgspec.inspect.StrType: texts,
    msgspec.inspect.IntType: st.integers(-(2**31), 2**63 - 1),
    msgspec.inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.AnyType: plain.filter(lambda value: value is not None),
    msgspec.inspect.DictType: st.dictionaries(_keys, plain, max_size=2),
}


def _values(kind: Any, depth: int) -> st.SearchStrategy[Any] | None:
    match kind:
        case msgspec.inspect.UnionType(types=types):
            some = [option for option in types if not isinstance(option, msgspec.inspect.NoneType)]
            return _values(some[0], depth)
        case msgspec.inspect.StructType(cls=cls):
            return messages(cls, depth - 1) if depth else None
        case (
            msgspec.inspect.ListType(item_type=item)
            | msgspec.inspect.CollectionType(item_type=item)
        ):
            inner = _values(item, depth)
            return None if inner is None else st.lists(inner, min_size=1, max_size=2)
        case msgspec.inspect.EnumType(cls=cls):
            return st.one_of(st.sampled_from(list(cls)), texts.map(cls))
        case msgspec.inspect.DictType(value_type=msgspec.inspect.StrType()):
            return st.dictionaries(_keys, texts, max_size=2)
    return _LEAVES[type(kind)]
