"""The exception tree: as drawn, whole after pickling, and each message names the way out."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

from gemstream import errors
from gemstream.config.options import resolve_options
from gemstream.config.timeouts import Timeouts
from gemstream.credentials.api_key import APIKey
from gemstream.errors import APIError, GemstreamError, StreamTruncated
from gemstream.policy.generation import Generation
from gemstream.wire.codec import decode
from gemstream.wire.content import Part
from gemstream.wire.endpoint import Operation, url_for
from gemstream.wire.model import model_resource
from gemstream.wire.scalar import decode_base64
from gemstream.wire.status import ErrorInfo, RetryInfo, api_error
from gemstream.wire.usage import UsageMetadata

CLASSES = {name: getattr(errors, name) for name in errors.__all__}


# --- the drawing -----------------------------------------------------------------------------


def drawn() -> dict[str, tuple[str | None, str | None]]:
    """Class → (parent, builtin base) as the docstring of the module draws them."""
    assert errors.__doc__ is not None
    tree: dict[str, tuple[str | None, str | None]] = {}
    line_of: dict[int, str] = {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+(?: · [A-Z]\w+)*)(?: \((\w+)\))?", line)
        if match and (match[1] or match[2] == "GemstreamError"):
            depth = len(match[1]) // 4
            for name in match[2].split(" · "):
                tree[name] = (line_of.get(depth - 1), match[3])
            line_of[depth] = match[2]
    return tree


def test_the_tree_is_as_drawn() -> None:
    tree = drawn()
    assert set(tree) == set(CLASSES)
    for name, (parent, builtin) in tree.items():
        bases = [base for base in CLASSES[name].__mro__[1:] if base.__name__ in CLASSES]
        assert (bases[0].__name__ if bases else None) == parent, name
        assert builtin is None or builtin in [base.__name__ for base in CLASSES[name].__bases__]


def test_every_attribute_that_the_drawing_promises_exists() -> None:
    assert errors.__doc__ is not None
    for line in errors.__doc__.splitlines():
        name = re.search(r"[A-Z]\w+", line)
        for attribute in re.findall(r" \.(\w+)", line) if name and name[0] in CLASSES else ():
            assert hasattr(made(CLASSES[name[0]]), attribute), (name[0], attribute)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InvalidRequest, ValueError),
        (errors.ConfigError, ValueError),
        (errors.StreamingNotSupported, ValueError),
        (errors.InvalidState, RuntimeError),
        (errors.StreamTimeout, TimeoutError),
        (errors.IdleTimeout, TimeoutError),
    ],
)
def test_whoever_catches_the_builtin_catches_ours(
    kind: type[GemstreamError], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)


# --- pickling --------------------------------------------------------------------------------


def made(kind: type[GemstreamError]) -> Any:
    if kind is errors.StreamingNotSupported:
        return kind("models/m")  # type: ignore[call-arg]
    if issubclass(kind, APIError):
        details = [ErrorInfo(reason="R"), RetryInfo.of(2), {"@type": "x", "y": [None]}]
        return kind("said", code=429, status="S", details=details, retry_delay=2.0, hint="h")
    if issubclass(kind, errors.DecodeError):
        return kind("said", excerpt=b"\xff", offset=7, path="$.a")
    if issubclass(kind, errors.StreamTimeout):
        return kind("said", timeout=5.0)
    return kind("said")


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize(
    "again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy]
)
def test_an_error_is_whole_after_pickling_and_copying(
    kind: type[GemstreamError], again: Callable[[Any], Any]
) -> None:
    error = made(kind)
    error.delivered, error.retry_at, error.retryable = 3, 9.5, True
    error.partial, error.usage = "so far", UsageMetadata(total_token_count=9)
    same = again(error)
    assert type(same) is kind
    assert (str(same), same.args, vars(same)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_an_error_says_what_it_was_told(kind: type[GemstreamError]) -> None:
    assert ("models/m" if kind is errors.StreamingNotSupported else "said") in str(made(kind))
    assert inspect.getdoc(kind)


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_a_new_error_has_delivered_nothing(kind: type[GemstreamError]) -> None:
    assert (made(kind).delivered, made(kind).retry_at) == (0, None)


def test_only_what_passes_is_retryable_by_its_class() -> None:
    retryable = {name for name, kind in CLASSES.items() if made(kind).retryable}
    assert retryable == {
        "ConnectFailed",
        "ConnectTimeout",
        "FirstChunkTimeout",
        "RateLimited",
        "StoreUnavailable",
        "StreamInterrupted",
        "StreamTruncated",
    }


# --- messages: the value, the limit, the way out ----------------------------------------------

PROVOKED: list[tuple[Callable[[], Any], list[str]]] = [
    (lambda: model_resource("a?b"), ["'a?b'", "at most 128", "gemini-2.5-flash"]),
    (lambda: url_for("https://h", "v9", Operation.LIST_MODELS), ["'v9'", "use one of v1beta"]),
    (lambda: url_for("https://h", "v1", Operation.STREAM), ["streamGenerateContent", "a model"]),
    (lambda: Timeouts(total=-3), ["total", "-3", "None for no limit"]),
    (lambda: resolve_options({"base_url": "x"}, {}), ["base_url (given)", "'x'", "https://"]),
    (lambda: APIKey("a b"), ["white space", "position 1 of 3", "copy it again"]),
    (lambda: APIKey(""), ["empty", "api_key=", "GEMINI_API_KEY"]),
    (lambda: decode(b'{"text":1}', Part), ["$.text", "str", "1"]),
    (lambda: decode(b"{oops", Part), ["invalid JSON", "{oops"]),
    (lambda: decode_base64("a!"), ["not base64", "'a!'"]),
    (lambda: Generation().receive_eof(), ["ended before anything arrived"]),
    (lambda: raise_(errors.StreamingNotSupported("m")), ["'m'", "client.models.get", "another"]),
    (lambda: raise_(api_error(404, "gone", hint="try m")), ["404 NOT_FOUND: gone; try m"]),
    (
        lambda: Generation(max_event_size=8).receive_data(b"data: 123456"),
        ["max_event_size of 8 bytes", "raise it"],
    ),
]


def raise_(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("provoke", "words"), PROVOKED)
def test_a_message_names_the_value_and_the_way_out(
    provoke: Callable[[], Any], words: list[str]
) -> None:
    with pytest.raises(GemstreamError) as caught:
        provoke()
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert not said.endswith(".") and "\n" not in said


def test_a_truncated_stream_is_both_a_protocol_error_and_a_broken_stream() -> None:
    error = StreamTruncated("cut")
    assert (error.partial, error.usage, error.continuation_token) == ("", None, None)
    assert (error.excerpt, error.offset) == (b"", None)
