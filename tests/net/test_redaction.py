"""Values at given paths taken out of bodies, in every framing and wherever the reads were cut."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import ConfigError
from gemstream.net.recording_file import Read
from gemstream.net.redaction import Redaction
from gemstream.wire.sse import SSEDecoder
from support.recorded import ANSWERS, partitions, payloads_of, recorded

PATH = "candidates.content.parts.text"


def said(text: str) -> str:
    return json.dumps({"candidates": [{"content": {"parts": [{"text": text}]}}], "n": [1, 2]})


CASES = {
    "an object": (said("secret"), said("REDACTED")),
    "an array": (f"[{said('secret')}\n,\r\n{said('x')}]", f"[{said('REDACTED')}\n,\r\n"),
    "events": (f"data: {said('secret')}\r\n\r\ndata: {said('x')}\r\n\r\n", "data: {"),
    "escapes": (said('a "quoted\\" ä secret'), said("REDACTED")),
    "an escaped name": (said("secret").replace('"text"', '"te\\u0078t"'), '"te\\u0078t": "REDA'),
    "cut in the value": (f"data: {said('a secret')[:-20]}", '[{"text": "REDACTED"'),
    "cut after an escape": ('{"candidates":{"content":{"parts":{"text":"secret\\', '"REDACTED"'),
    "an event after a cut one": (
        f"data: {said('x')[:9]}\r\n\r\ndata: {said('secret')}\r\n\r\n",
        said("REDACTED"),
    ),
    "an event of several lines": (
        "data: " + said("secret").replace("[{", "[\ndata: {") + "\n\n",
        '"text": "REDACTED"',
    ),
    "an event with a type": (
        f"data: {said('x')[:9]}\n\nevent: message\ndata: {said('secret')}\n\n",
        said("REDACTED"),
    ),
    "an error behind events": (
        f'data: {said("secret")}\r\n\r\n{{"error": {{"code": 503}}}}',
        '{"error": {"code": 503}}',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_value_is_replaced_in(case: str) -> None:
    body, shown = CASES[case]
    redacted = Redaction([PATH]).body(body.encode()).decode()
    assert "secret" not in redacted
    assert shown in redacted


OTHER_VALUES = [
    ('{"a": {"b": {"c": "secret"}}, "d": 1}', '{"a": {"b": null}, "d": 1}'),
    ('{"a": {"b": ["secret", ["x"]]}, "d": 1}', '{"a": {"b": null}, "d": 1}'),
    ('{"a": {"b": -12e3}, "d": 1}', '{"a": {"b": null}, "d": 1}'),
    ('{"a": [{"b": true}, {"b": 2}]}', '{"a": [{"b": null}, {"b": null}]}'),
    ('{"b": "mine", "a": {"bb": "mine"}}', '{"b": "mine", "a": {"bb": "mine"}}'),
    ('{"a": {"b": {"c": "secret"', '{"a": {"b": null'),
    (
        'data: {"a": {"b": {"c": "sec\n\ndata: {"a": {}}',
        'data: {"a": {"b": null\n\ndata: {"a": {}}',
    ),
]


@pytest.mark.parametrize(("body", "redacted"), OTHER_VALUES)
def test_a_value_of_any_kind_is_replaced_and_nothing_else(body: str, redacted: str) -> None:
    assert Redaction(["a.b"]).body(body.encode()) == redacted.encode()


@pytest.mark.parametrize("path", ["$.a.b", "a[*].b[*]", "a.b"])
def test_a_path_may_be_written_in_three_ways(path: str) -> None:
    assert Redaction([path]).body(b'{"a": [{"b": "x"}]}') == b'{"a": [{"b": "REDACTED"}]}'


@pytest.mark.parametrize("path", ["", "a..b", "a[0].b", "$", "a b", "*"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="is not a path of JSON"):
        Redaction([path])


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_answers_keep_everything_else_at_every_split(name: str) -> None:
    expected = [_without_texts(json.loads(payload)) for payload in payloads_of(name)]
    redaction = Redaction([PATH])
    for pieces in partitions(recorded(name), splits=20):
        reads = redaction.reads([Read(at, piece) for at, piece in enumerate(pieces)])
        events = SSEDecoder().receive_data(b"".join(read.data for read in reads) + b"\n\n")
        assert [json.loads(event.data) for event in events] == expected
        assert [read.at_ms for read in reads] == sorted({read.at_ms for read in reads})


def _without_texts(value: Any) -> Any:
    for candidate in value.get("candidates", ()):
        for part in candidate.get("content", {}).get("parts", ()):
            if "text" in part:
                part["text"] = "REDACTED"
    return value


def test_a_value_comes_whole_with_its_last_byte() -> None:
    body = said("secret").encode()
    cut = body.index(b"cret")
    reads = Redaction([PATH]).reads([Read(1, body[:cut]), Read(2, body[cut:])])
    assert [read.data for read in reads] == [
        body[: body.index(b'"secret"')],
        b'"REDACTED"' + body[body.index(b'"secret"') + 8 :],
    ]


def test_a_read_with_nothing_left_is_dropped() -> None:
    reads = [Read(1, b'{"a":'), Read(2, b'"x'), Read(3, b'y"'), Read(4, b"}")]
    assert Redaction(["a"]).reads(reads) == [
        Read(1, b'{"a":'),
        Read(3, b'"REDACTED"'),
        Read(4, b"}"),
    ]


@given(st.binary(), st.lists(st.integers(0, 50)))
def test_any_bytes_pass(body: bytes, places: list[int]) -> None:
    cuts = [0, *sorted(places), len(body)]
    reads = [Read(0, body[a:b]) for a, b in itertools.pairwise(cuts)]
    joined = b"".join(read.data for read in reads)
    redaction = Redaction(["a", "b.c"])
    assert b"".join(read.data for read in redaction.reads(reads)) == redaction.body(joined)


def test_a_body_nested_deeper_than_any_is_read_once() -> None:
    depth = 200_000
    body = b'{"a":' * depth + b"1" + b"}" * depth
    assert Redaction(["a.b", "b"]).body(body) == body


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc") | st.text(), inner),
)


@given(_JSON)
def test_any_document_is_redacted_as_its_decoded_form_would_be(document: Any) -> None:
    redacted = json.loads(Redaction(["a.b"]).body(json.dumps(document).encode()) or b"null")
    assert redacted == _redacted(document, ("a", "b"))


def _redacted(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return "REDACTED" if isinstance(value, str) else None
    if isinstance(value, list):
        return [_redacted(one, path) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _redacted(one, path[1:]) if key == path[0] else one for key, one in value.items()}
