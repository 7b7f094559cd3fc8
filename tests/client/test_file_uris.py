"""Files that lie elsewhere: every way to name one, the type that is told, and what is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from google.genai import types

from gemstream import FileData, Part
from gemstream.client.prompt import contents_of
from gemstream.errors import InvalidRequest, UnsupportedMedia
from gemstream.wire.codec import to_plain

FILES = "https://generativelanguage.googleapis.com/v1beta/files/abc-1"


class Uploaded(NamedTuple):
    """What any library may give for an uploaded file."""

    uri: str | None
    mime_type: str | None


def _sent(prompt: Any, files: Any = ()) -> Any:
    (content,), unread = contents_of(prompt, files)
    assert unread == []
    return to_plain(content.parts[0].file_data)


# URI → the type that is sent; None: the service knows it.
TOLD: dict[str, str | None] = {
    "gs://bucket/a.png": "image/png",
    "gs://bucket/dir/A.PDF": "application/pdf",
    "https://example.com/a.webp": "image/webp",
    "https://example.com/a.jpg?size=1": "image/jpeg",
    "http://127.0.0.1:8089/a.mp3": "audio/mpeg",
    "https://www.youtube.com/watch?v=a": None,
    "https://youtu.be/a": None,
    FILES: None,
    "http://127.0.0.1:8089/v1beta/files/abc": None,
}


@pytest.mark.parametrize("uri", TOLD)
def test_the_type_of_a_file_is_told_by_its_uri(uri: str) -> None:
    expected = {"fileUri": uri, **({"mimeType": TOLD[uri]} if TOLD[uri] else {})}
    assert _sent(FileData(file_uri=uri)) == expected
    assert _sent(Part.of_uri(uri)) == expected
    assert _sent(Uploaded(uri, None)) == expected
    assert _sent("a", files=[uri]) == expected


@pytest.mark.parametrize("uri", [*TOLD, "gs://bucket/no-suffix", "https://example.com"])
def test_a_type_that_is_given_wins(uri: str) -> None:
    expected = {"fileUri": uri, "mimeType": "video/mp4"}
    assert _sent(Part.of_uri(uri, "video/mp4")) == expected
    assert _sent([Uploaded(uri, "video/mp4"), "what is this?"]) == expected


def test_an_uploaded_file_may_be_named_as_the_service_names_it() -> None:
    assert _sent(Part.of_uri("files/abc-1")) == {"fileUri": FILES}
    assert _sent(Uploaded("files/abc-1", "image/png")) == {
        "fileUri": FILES,
        "mimeType": "image/png",
    }


def test_a_file_of_the_official_sdk_is_one() -> None:
    file = types.File(name="files/abc-1", uri=FILES, mime_type="image/png")
    assert _sent(file) == {"fileUri": FILES, "mimeType": "image/png"}


def test_what_stands_beside_the_file_stays() -> None:
    part = Part(file_data=FileData(file_uri=FILES, display_name="a"), thought_signature="b")
    (content,), _ = contents_of(part)
    assert content.parts == [part]


@pytest.mark.parametrize("uri", ["gs://bucket/a", "https://example.com/", "https://a.b/v1/other/c"])
def test_a_type_that_cannot_be_told_must_be_given(uri: str) -> None:
    with pytest.raises(UnsupportedMedia, match=r"pass Part\.of_uri\(uri, mime_type\)"):
        contents_of(Part.of_uri(uri))


@pytest.mark.parametrize(
    "uri",
    ["", None, 3, "a.png", "/tmp/a.png", "file:///a.png", "gs://", "https:///a.png", "http://[a/b",
     "https://a b/c.png", "gs://a/\n.png", "files/", "files/A_B", "ftp://a/b.png"],
)  # fmt: skip
def test_what_is_no_uri_of_a_file_is_refused(uri: Any) -> None:
    for prompt in (FileData(file_uri=uri), Uploaded(uri, "image/png")):
        with pytest.raises(InvalidRequest, match="URI"):
            contents_of(prompt)


@pytest.mark.parametrize("mime_type", ["", "png", "image/", "image/png\r\nx: y"])
def test_a_type_that_is_none_is_refused(mime_type: str) -> None:
    with pytest.raises(UnsupportedMedia, match="media type"):
        contents_of(Part.of_uri("gs://bucket/a.png", mime_type))


@pytest.mark.parametrize("uri", ["https://user:secret@host/a?token=secret", "ftp://a/b?secret"])
def test_an_error_shows_no_user_and_no_query(uri: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        contents_of(Part.of_uri(uri))
    assert "secret" not in str(caught.value)
