"""Parts of a message: text, images, sound, files, URLs."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.wire.dialect.openai import InvalidParameter, URLMode
from support.chats import FLASH_2_5, FLASH_3, VECTORS, gemini

PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjc="


def part(item: Any, model: str = FLASH_2_5, **options: Any) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": [item]}]}
    return gemini(body, **options)["contents"][0]["parts"][0]


def image(url: str, **more: Any) -> Any:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def test_a_data_uri_is_cleaned_and_detail_is_for_gemini_3() -> None:
    case = VECTORS["TV-05"]
    assert part(case["in"]["part"], FLASH_3) == case["out"]
    assert part(case["in"]["part"]) == case["out_gemini_2_5"]


@pytest.mark.parametrize(
    ("detail", "level"),
    [
        ("low", "MEDIA_RESOLUTION_LOW"),
        ("medium", "MEDIA_RESOLUTION_MEDIUM"),
        ("high", "MEDIA_RESOLUTION_HIGH"),
        ("auto", None),
        (None, None),
    ],
)
def test_detail(detail: str | None, level: str | None) -> None:
    found = part(image(f"data:image/png;base64,{PNG}", detail=detail), FLASH_3)
    assert found.get("mediaResolution") == (level and {"level": level})


def blob(mime_type: str, data: str) -> Any:
    return {"inlineData": {"mimeType": mime_type, "data": data}}


FILES = "https://generativelanguage.googleapis.com/v1beta/files/abc"

PARTS: list[tuple[Any, Any]] = [
    ({"type": "text", "text": "a"}, {"text": "a"}),
    (image(f"data:image/png;base64,{PNG}"), blob("image/png", PNG)),
    (image(f"data:;base64,{PNG}"), blob("image/png", PNG)),
    (
        {"type": "image_url", "image_url": f"data:image/webp;base64,{PNG}"},
        blob("image/webp", PNG),
    ),
    (image(FILES), {"fileData": {"fileUri": FILES}}),
    (
        image("https://youtu.be/abc"),
        {"fileData": {"mimeType": "video/*", "fileUri": "https://youtu.be/abc"}},
    ),
    (
        {"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=1"}},
        {"fileData": {"mimeType": "video/*", "fileUri": "https://www.youtube.com/watch?v=1"}},
    ),
    (
        {"type": "video_url", "video_url": f"data:video/mp4;base64,{PNG}"},
        blob("video/mp4", PNG),
    ),
    *(
        (
            {"type": "input_audio", "input_audio": {"data": PNG, "format": name}},
            blob(f"audio/{name}", PNG),
        )
        for name in ("wav", "mp3", "aac", "flac", "ogg", "aiff")
    ),
    (
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
        blob("application/pdf", PDF),
    ),
    ({"type": "file", "file": {"file_data": PDF}}, blob("application/pdf", PDF)),
    (
        {"type": "file", "file": {"file_data": "YSxi", "filename": "a.csv"}},
        blob("text/csv", "YSxi"),
    ),
    ({"type": "file", "file": {"file_id": "files/abc"}}, {"fileData": {"fileUri": FILES}}),
]


@pytest.mark.parametrize(("item", "expected"), PARTS)
def test_each_kind_of_part(item: Any, expected: Any) -> None:
    assert part(item) == expected


def test_cloud_storage_is_for_vertex_alone() -> None:
    found = part(image("gs://bucket/a.png"), is_vertex=True)
    assert found == {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}}
    with pytest.raises(InvalidParameter, match="Vertex"):
        part(image("gs://bucket/a.png"))


def test_a_gif_needs_the_operators_word() -> None:
    item = image(f"data:image/gif;base64,{PNG}")
    assert part(item, accepts_gif=True) == blob("image/gif", PNG)
    with pytest.raises(InvalidParameter, match="image/gif"):
        part(item)


def test_a_url_is_refused_by_default_with_the_option_that_helps() -> None:
    with pytest.raises(InvalidParameter, match='urls = "passthrough"') as caught:
        part(image("https://example.com/a.png"))
    assert caught.value.param == "messages[0].content[0].image_url.url"


def test_a_url_goes_on_when_the_operator_says_so() -> None:
    url = "https://example.com/a.png"
    found = part(image(url), urls=URLMode.PASSTHROUGH)
    assert found == {"fileData": {"mimeType": "image/png", "fileUri": url}}


@pytest.mark.parametrize("mode", list(URLMode))
@pytest.mark.parametrize("url", [*VECTORS["TV-07"]["in_urls"], "https://[", "ftp://a/b", "a.png"])
def test_no_url_that_leads_inside_goes_anywhere(url: str, mode: URLMode) -> None:
    with pytest.raises(InvalidParameter):
        part(image(url), urls=mode)


REFUSED: list[tuple[Any, str]] = [
    ({"type": "image_url"}, "image_url"),
    (image(""), "image_url.url"),
    (image("data:image/png"), "image_url.url"),
    (image("data:image/png;base64,"), "image_url.url"),
    (image("data:image/png;base64,***"), "image_url.url"),
    (image("data:image/bmp;base64,AAAA"), "image_url.url"),
    (image(f"data:image/png;base64,{PNG}", detail="fine"), "image_url.detail"),
    ({"type": "input_audio"}, "input_audio"),
    ({"type": "input_audio", "input_audio": {"data": PNG}}, "input_audio.format"),
    (
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "amr"}},
        "input_audio.format",
    ),
    ({"type": "input_audio", "input_audio": {"format": "wav"}}, "input_audio.data"),
    ({"type": "file"}, "file"),
    ({"type": "file", "file": {}}, "file.file_data"),
    ({"type": "file", "file": {"file_id": "file-abc"}}, "file.file_id"),
    ({"type": "file", "file": {"file_data": "AAAA"}}, "file.file_data"),
    ({"type": "video_url"}, "video_url"),
    ({}, "type"),
]


@pytest.mark.parametrize(("item", "param"), REFUSED)
def test_a_part_that_cannot_be_sent_is_refused_by_its_place(item: Any, param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        part(item)
    assert caught.value.param == f"messages[0].content[0].{param}"
