"""Vision: a picture travels inside the request as base64, and the model has looked at it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gemstream import Blob, Part
from gemstream.client.prompt import PromptPiece
from gemstream.emulator import Emulator
from support.emulated import async_client
from support.picture import png
from support.service import Service, client_of, finish, streamed

PICTURE = png(64, 48)


def _given(how: str, folder: Path) -> PromptPiece:
    path = folder / "red.png"
    path.write_bytes(PICTURE)
    ways: dict[str, PromptPiece] = {
        "a path": path,
        "bytes": Part.of_bytes(PICTURE, "image/png"),
        "a blob": Blob.of(PICTURE, "image/png"),
        "base64": Blob(mime_type="image/png", data=base64.b64encode(PICTURE).decode()),
    }
    return ways[how]


@pytest.mark.parametrize("how", ["a path", "bytes", "a blob", "base64"])
async def test_vision_base64_image(how: str, tmp_path: Path) -> None:
    prompt = ["What is this?", _given(how, tmp_path)]
    async with async_client(Emulator()) as client:
        answer = await client.generate_stream(prompt).finish()
    assert "a PNG image of 64 x 48 pixels" in answer.text
    assert answer.usage is not None
    assert "IMAGE" in [count.modality for count in answer.usage.prompt_tokens_details]

    service = Service(streamed(finish("a")))
    await client_of(service).generate_stream(prompt).finish()
    sent = service.last.json["contents"][0]["parts"][1]["inlineData"]
    assert sent["mimeType"] == "image/png"
    assert base64.b64decode(sent["data"], validate=True) == PICTURE


@pytest.mark.parametrize(
    "uri",
    [
        "gs://bucket/red.png",
        "https://example.com/red.png",
        "https://generativelanguage.googleapis.com/v1beta/files/abc-123",
    ],
)
async def test_vision_by_uri(uri: str) -> None:
    service = Service(streamed(finish("a")))
    part = Part.of_uri(uri, "image/png")
    await client_of(service).generate_stream(["What is this?", part]).finish()
    sent = service.last.json["contents"][0]["parts"][1]
    assert sent == {"fileData": {"fileUri": uri, "mimeType": "image/png"}}
