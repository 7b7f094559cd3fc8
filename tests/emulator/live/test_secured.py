"""Live sessions over TLS and compressed, as clients of other makes and our own open them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import websockets
from google import genai
from google.genai import types
from websockets.asyncio.client import ClientConnection, connect

from emulator.live.live_client import MODEL, PATH, TEXT
from gemstream.emulator import Emulator, HalfFrame, LocalAuthority, Rule, Script, serving
from gemstream.wire.codec import decode_plain, encode

# The official SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")


@pytest.fixture(scope="module")
def authority() -> LocalAuthority:
    return LocalAuthority()


PROGRAM = """
import asyncio
from gemstream import AsyncClient

async def main():
    async with AsyncClient("k", base_url={url!r}) as client:
        async with client.live({model!r}, response_modalities=["TEXT"]) as session:
            print((await session.send_text("hi")).text)

asyncio.run(main())
"""


async def run(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """Return exit code and output of a Python program."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode().strip()


async def test_our_client_trusts_whom_the_environment_names(authority: LocalAuthority) -> None:
    async with serving(Emulator(), tls=authority) as url:
        program = PROGRAM.format(url=url, model=MODEL)
        with authority.file() as ca:
            assert await run("-c", program, SSL_CERT_FILE=str(ca)) == (0, "You said: hi")


async def test_the_command_serves_sessions_over_tls(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    command = ["-m", "gemstream", "emulate", "--tls", "--tls-ca", str(ca), "--port", "0"]
    emulator = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert emulator.stderr is not None
        found = re.search(r"https://\S+(?=;)", (await emulator.stderr.readline()).decode())
        assert found is not None
        program = PROGRAM.format(url=found[0], model=MODEL)
        assert await run("-c", program, SSL_CERT_FILE=str(ca)) == (0, "You said: hi")
    finally:
        emulator.terminate()
        await emulator.communicate()


async def said(client: ClientConnection, prompt: str) -> str:
    """Return the answer to ``prompt``."""
    turns = [{"role": "user", "parts": [{"text": prompt}]}]
    await client.send(encode({"clientContent": {"turns": turns, "turnComplete": True}}).decode())
    text = ""
    while True:
        frame = await client.recv()
        assert isinstance(frame, bytes)
        content = decode_plain(frame)["serverContent"]
        for part in content.get("modelTurn", {}).get("parts", ()):
            text += part["text"]
        if content.get("turnComplete"):
            return text


def websocket_url(url: str) -> str:
    return url.replace("http", "ws", 1) + f"/{PATH}?key=k"


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("is_secret", [True, False])
async def test_messages_are_compressed_for_those_who_offer_it(
    authority: LocalAuthority, compression: str | None, is_secret: bool
) -> None:
    tls = authority if is_secret else None
    options: dict[str, Any] = {"ssl": authority.client_context()} if is_secret else {}
    prompt = "again and " * 20_000  # more than a window, so that contexts are carried over
    async with (
        serving(Emulator(), tls=tls) as url,
        connect(websocket_url(url), compression=compression, max_size=None, **options) as client,
    ):
        used = [one.name for one in client.protocol.extensions]
        assert used == (["permessage-deflate"] if compression else [])
        await client.send(encode({"setup": {"model": MODEL, **TEXT}}).decode())
        assert decode_plain(await client.recv()) == {"setupComplete": {}}  # type: ignore[arg-type]
        for text in ("Hi", prompt, "Hi"):
            assert await said(client, text) == f"You said: {text}"


async def test_a_compressed_connection_breaks_in_the_middle_of_a_frame() -> None:
    emulator = Emulator(Script([Rule(steps=["Half a", HalfFrame()])]))
    async with serving(emulator) as url, connect(websocket_url(url)) as client:
        await client.send(encode({"setup": {"model": MODEL, **TEXT}}).decode())
        await client.recv()
        with pytest.raises(websockets.ConnectionClosedError) as met:
            await said(client, "Hi")
    assert (met.value.rcvd, met.value.sent) == (None, None)


async def test_the_official_sdk_is_answered_compressed(
    authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.file() as ca:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        async with serving(Emulator(), tls=authority) as url:
            sdk = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
            config: Any = {"response_modalities": ["TEXT"]}
            async with sdk.aio.live.connect(model="gemini-3.8-live", config=config) as session:
                used = [one.name for one in session._ws.protocol.extensions]
                await session.send_client_content(
                    turns=types.Content(role="user", parts=[types.Part(text="Hi")])
                )
                text = "".join([message.text or "" async for message in session.receive()])
            await sdk.aio.aclose()
            sdk.close()
    assert (used, text) == (["permessage-deflate"], "You said: Hi")
