"""Media written into requests of other dialects."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import UnsupportedMedia
from gemstream.wire.content import Blob
from gemstream.wire.dialect.data_uri import (
    blob_of_base64,
    blob_of_data_uri,
    check_image_type,
    is_data_uri,
    mime_type_of_name,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n0000").decode()


@pytest.mark.parametrize(
    ("uri", "mime_type", "data"),
    [
        # TV-05
        ("data:image/png;base64,iVBO\n-_8=", "image/png", "iVBO+/8="),
        ("DATA:image/JPG;charset=x;BASE64,AAAA", "image/jpeg", "AAAA"),
        (f"data:;base64,{PNG}", "image/png", PNG),
        ("data:image/png;base64,AAA", "image/png", "AAA="),
        ("data:image/png;base64,AA%2BA", "image/png", "AA+A"),
        ("data:audio/mpeg;base64,AAAA", "audio/mp3", "AAAA"),
        ("data:,Hi%20you", "text/plain", base64.b64encode(b"Hi you").decode()),
    ],
)
def test_a_data_uri(uri: str, mime_type: str, data: str) -> None:
    assert blob_of_data_uri(uri) == Blob(mime_type=mime_type, data=data)


@pytest.mark.parametrize(
    "uri",
    ["data:image/png", "data:image/png;base64,", "data:image/png;base64,!!", "data:;base64,AAAA"],
)
def test_what_cannot_be_read_is_refused(uri: str) -> None:
    with pytest.raises(UnsupportedMedia):
        blob_of_data_uri(uri)


def test_what_is_meant_as_a_data_uri() -> None:
    assert is_data_uri("DATA:x") and not is_data_uri("https://x.org/data:")


def test_the_type_comes_from_the_name_before_the_bytes() -> None:
    assert blob_of_base64(PNG, name="a.JPEG").mime_type == "image/jpeg"
    assert blob_of_base64(PNG, name="a").mime_type == "image/png"
    assert mime_type_of_name("https://x.org/a.webp?y=1.png") == "image/webp"


def test_images_that_gemini_reads() -> None:
    check_image_type("image/webp")
    check_image_type("image/gif", allow_gif=True)
    with pytest.raises(UnsupportedMedia, match="image/gif"):
        check_image_type("image/gif")


@given(st.binary(min_size=1))
def test_any_bytes_in_the_other_alphabet(content: bytes) -> None:
    loose = base64.urlsafe_b64encode(content).decode().rstrip("=")
    assert blob_of_base64(loose, "image/png").content == content
