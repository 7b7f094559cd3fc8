"""What ``doctor --online`` makes of a host that is no Gemini, or has another time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gemstream.cli.diagnosis import Finding, State, exit_code
from gemstream.cli.exit_codes import ExitCode
from gemstream.cli.online_checks import STEPS, check_online
from gemstream.cli.session import Connection
from gemstream.emulator import Emulator, Script, serving
from support.peers import raw_server, read_head


def _answer(date: str) -> bytes:
    head = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
    return head.encode()


async def _findings(sent: bytes, folder: Path) -> list[Finding]:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(sent)
        await writer.drain()

    (folder / "key").write_text("any")
    async with raw_server(handler) as url:
        connection = Connection(base_url=url, api_key_file=folder / "key", timeout=30)
        return [finding async for finding in check_online(connection, "gemini-2.5-flash")]


@pytest.mark.parametrize(
    ("minutes", "state", "said"),
    [
        (0, State.OK, "answered after"),
        (-3, State.OK, "answered after"),
        (120, State.WARN, "ahead of this one"),
        (-600_000, State.WARN, "behind this one"),
        (None, State.OK, "answered after"),
    ],
)
async def test_any_answer_is_a_connection_and_tells_the_time(
    minutes: int | None, state: State, said: str, tmp_path: Path
) -> None:
    date = "yesterday"
    if minutes is not None:
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    found = await _findings(_answer(date), tmp_path)
    assert [finding.check for finding in found] == list(STEPS)
    assert found[0].state is state
    assert said in found[0].message
    # A host that answers and is no Gemini: the list of models is not there.
    assert [finding.state for finding in found[1:]] == [State.FAIL, *[State.SKIP] * 3]
    assert exit_code(found) is ExitCode.USAGE


async def test_a_host_that_speaks_no_http(tmp_path: Path) -> None:
    found = await _findings(b"220 mail.example.com ESMTP\r\n", tmp_path)
    assert [finding.state for finding in found] == [State.FAIL, *[State.SKIP] * 4]
    assert found[0].message.startswith("ProtocolError: ")
    assert exit_code(found) is ExitCode.UPSTREAM


async def _doctored(script: str, folder: Path) -> list[Finding]:
    (folder / "key").write_text("any")
    async with serving(Emulator(Script.decode(script.encode()))) as url:
        connection = Connection(base_url=url, api_key_file=folder / "key", timeout=30)
        return [finding async for finding in check_online(connection, "gemini-2.5-flash")]


async def test_an_emulator_passes_and_holds_a_session(tmp_path: Path) -> None:
    found = await _doctored("", tmp_path)
    assert {finding.state for finding in found} == {State.OK}
    assert found[-1].check == "live session"
    assert found[-1].message.startswith("gemini-3.8-live was set up after ")


async def test_a_session_that_cannot_be_had_is_a_warning(tmp_path: Path) -> None:
    script = """
        [[rule]]
        match = { method = "bidiGenerateContent/setup" }
        [[rule.step]]
        fault = { kind = "close", code = 1007, reason = "no sessions for you" }
    """
    *others, last = await _doctored(script, tmp_path)
    assert {finding.state for finding in others} == {State.OK}
    assert last.state is State.WARN
    assert "SessionClosedError: " in last.message and "no sessions for you" in last.message
    assert "only Live sessions are concerned" in last.advice
    assert exit_code([*others, last]) is ExitCode.OK


async def test_a_client_that_cannot_be_made_is_one_failure(tmp_path: Path) -> None:
    connection = Connection(api_key_file=tmp_path / "none")
    found = [finding async for finding in check_online(connection, "gemini-2.5-flash")]
    assert [(finding.check, finding.state) for finding in found] == [("client", State.FAIL)]
    assert exit_code(found) is ExitCode.USAGE
