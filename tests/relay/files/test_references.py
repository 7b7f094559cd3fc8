"""Names in a body: all of them, however they are written, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.relay.files.references import references

IDS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
SPELLINGS = st.sampled_from([("fileData", "fileUri"), ("file_data", "file_uri")])
URIS = st.sampled_from(
    ["files/{}", "https://generativelanguage.googleapis.com/v1beta/files/{}", "/v1/files/{}"]
)


@st.composite
def _escaped(draw: st.DrawFn, text: str) -> str:
    """Write ``text`` as JSON with any of its letters escaped."""
    hidden = draw(st.sets(st.integers(0, len(text) - 1)))
    return "".join(
        f"\\u{ord(letter):04x}" if at in hidden else letter for at, letter in enumerate(text)
    )


@given(st.data())
def test_no_escape_hides_a_name(data: st.DataObject) -> None:
    id = data.draw(IDS)
    outer, inner = data.draw(SPELLINGS)
    words = [data.draw(_escaped(word)) for word in (outer, inner, data.draw(URIS).format(id))]
    body = '{{"contents":[{{"parts":[{{"{}":{{"{}":"{}"}}}}]}}]}}'.format(*words)
    assert references(body.encode()) == {f"files/{id}"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_body_without_files_names_none(value: object) -> None:
    assert references(json.dumps({"contents": value}).encode()) == frozenset()


@pytest.mark.parametrize(
    "opaque",
    ["args", "response", "parameters", "responseSchema", "response_json_schema"],
)
def test_what_may_hold_anything_names_nothing(opaque: str) -> None:
    inner = {"fileData": {"fileUri": "files/x"}, "cachedContent": "cachedContents/y"}
    assert references(json.dumps({"a": [{opaque: inner}]}).encode()) == frozenset()


def test_a_number_of_any_length_is_none_of_it() -> None:
    body = b'{"a":%s,"cachedContent":"abc"}' % (b"1" * 5000)
    assert references(body) == {"cachedContents/abc"}


def test_a_cache_is_named_with_and_without_its_place() -> None:
    for name in ("abc", "cachedContents/abc"):
        assert references(json.dumps({"cachedContent": name}).encode()) == {"cachedContents/abc"}
