"""The ``google-genai`` SDK keeps files through the relay as it would at Google, over sockets."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors, types

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator
from relay.sdks.genai_sdk import GENAI_FACES, asked, genai_face, text_of
from support.files_service import FilesService
from support.peers import asgi_server
from support.relay_server import RelayServer, relay_server
from support.relayed import RELAY_KEY
from support.sdk_face import Face

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be, and hands it 8 MiB
# in one piece.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
]

OTHER_KEY = "a-key-of-team-b-for-tests-only"
# Two parts of the SDK's, which sends 8 MiB at a time, and a bit.
LARGE = bytes(range(256)) * (9 * 4096) + b"the end"


@asynccontextmanager
async def _house() -> AsyncIterator[tuple[RelayServer, FilesService]]:
    service = FilesService(Emulator())
    keys = (KeyOptions(name="team-a", key=RELAY_KEY), KeyOptions(name="team-b", key=OTHER_KEY))
    async with asgi_server(service) as url:
        service.origin = url
        account = {"base_url": url, "api_key": "upstream-key-of-one"}
        async with relay_server(account=account, keys=keys) as house:
            yield house, service


async def _listed(face: Face) -> list[str]:
    if face.is_async:
        return [file.name async for file in await face.client.files.list()]
    return await face.call(lambda client: [file.name for file in client.files.list()])  # type: ignore[no-any-return]


def _brought(body: bytes, **config: Any) -> Any:
    config = {"mime_type": "text/plain", **config}
    return lambda client: client.files.upload(file=io.BytesIO(body), config=config)


@pytest.mark.parametrize("name", GENAI_FACES)
@pytest.mark.parametrize("prefix", ["", "/gemini"])
async def test_a_file_lives_and_dies(name: str, prefix: str) -> None:
    async with _house() as (house, service), genai_face(name, house, prefix=prefix) as face:
        file = await face.call(_brought(b"A short story.", display_name="story"))
        told = await face.call(lambda client: client.files.get(name=file.name))
        listed = await _listed(face)
        answer = await face.call(
            lambda client: client.models.generate_content(**asked([file, "What is this?"]))
        )
        await face.call(lambda client: client.files.delete(name=file.name))
        after = await _listed(face)
        rows = await house.rows()
    assert (told.display_name, told.size_bytes, told.state.name) == ("story", 14, "ACTIVE")
    assert told.uri == file.uri and file.uri.startswith(service.origin)
    assert (listed, after) == ([file.name], [])
    assert text_of(answer)
    assert {row["status"] for row in rows} == {"ok"}
    assert [row["operation"] for row in rows] == [
        "files.start",
        "files.upload",
        "files.get",
        "files.list",
        "generateContent",
        "files.delete",
    ]


@pytest.mark.parametrize("name", GENAI_FACES)
async def test_a_large_file_goes_up_in_parts(name: str, tmp_path: Path) -> None:
    path = tmp_path / "large report.txt"
    path.write_bytes(LARGE)
    async with _house() as (house, service), genai_face(name, house) as face:
        config = types.UploadFileConfig(name="report", mime_type="text/plain")
        file = await face.call(lambda client: client.files.upload(file=path, config=config))
        assert file.name == "files/report"
        assert file.size_bytes == len(LARGE) == service.read
        # No piece is larger than what a socket is read by: nothing is gathered on the way.
        assert service.largest_piece < 1 << 20
        rows = await house.rows()
    assert [row["operation"] for row in rows] == ["files.start", "files.upload", "files.upload"]


async def test_anothers_file_is_not_there() -> None:
    async with _house() as (house, service), genai_face("blocking", house) as face:
        file = await face.call(_brought(b"mine"))
        async with genai_face("blocking", house, key=OTHER_KEY) as other:
            for way in (
                lambda client: client.files.get(name=file.name),
                lambda client: client.files.delete(name=file.name),
                lambda client: client.models.generate_content(**asked([file, "What is this?"])),
            ):
                with pytest.raises(errors.ClientError) as caught:
                    await other.call(way)
                assert caught.value.code == 404
            assert await _listed(other) == []
        assert file.name in service.files


async def test_a_service_without_files_says_so() -> None:
    async with relay_server() as house, genai_face("blocking", house) as face:
        with pytest.raises(errors.ClientError) as caught:
            await face.call(_brought(b"abc"))
        assert caught.value.code == 404
        # That says nothing of the account.
        assert text_of(await face.call(lambda client: client.models.generate_content(**asked())))
