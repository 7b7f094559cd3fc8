"""One line for each request, on which only what is on the list can stand."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.relay.options import LogForm, ServerOptions
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import Status
from gemstream.relay.telemetry.cleaning import clean, redacted
from gemstream.relay.telemetry.line_writer import LineWriter
from gemstream.relay.telemetry.log_setup import logged
from support.log_lines import log_lines
from support.relayed import MODEL, prompt, relayed

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
TRACE = "0af7651916cd43dd8448eb211c80319c"

FIELDS = {
    "ts",
    "level",
    "request_id",
    "trace_id",
    "key_id",
    "surface",
    "operation",
    "model",
    "account_hash",
    "stream",
    "status",
    "end",
    "fault",
    "limit",
    "attempts",
    "ttfb_ms",
    "overhead_ms",
    "dur_ms",
    "prompt_tokens",
    "output_tokens",
    "thought_tokens",
    "cached_tokens",
    "cost_micros",
    "bytes",
    "chunks",
}


async def test_a_request_is_one_line(tmp_path: Path) -> None:
    with log_lines() as log:
        async with relayed(tmp_path) as house:
            headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
            answer = await house.ask(STREAM, prompt(), headers=headers)
            (row,) = await house.rows()
    (line,) = log.lines
    told = json.loads(line)
    assert set(told) == FIELDS
    assert told["request_id"] == answer.headers["x-request-id"]
    assert told["trace_id"] == TRACE
    assert (told["key_id"], told["surface"], told["model"]) == ("team-a", "gemini", MODEL)
    assert (told["status"], told["end"], told["attempts"]) == (200, "stop", 1)
    assert (told["level"], told["stream"]) == ("info", True)
    assert told["prompt_tokens"] == row["prompt_tokens"]
    assert told["output_tokens"] == row["candidates_tokens"]
    assert told["cost_micros"] == row["cost"]
    assert 0 <= told["ttfb_ms"] <= told["dur_ms"]
    assert told["account_hash"] and told["account_hash"] != "one"


async def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    with log_lines() as log:
        async with relayed(tmp_path) as house:
            await house.ask(WHOLE, prompt(), key="not-a-key-of-this-house-at-all")
    (line,) = log.lines
    told = json.loads(line)
    assert (told["status"], told["end"], told["fault"]) == (401, "refused", "client_auth")
    assert (told["attempts"], told["key_id"], told["ttfb_ms"]) == (0, None, None)


async def test_an_upstreams_error_is_a_warning(tmp_path: Path) -> None:
    failing = Emulator(Script([Rule(steps=[Status(code=503)])]))
    with log_lines() as log:
        async with relayed(tmp_path, failing) as house:
            await house.ask(WHOLE, prompt())
    told = [json.loads(line) for line in log.lines]
    assert [one["level"] for one in told if "request_id" in one] == ["warning"]


async def test_people_get_a_line_they_can_read(tmp_path: Path) -> None:
    server = ServerOptions(log=LogForm.PLAIN)
    with log_lines(LogForm.PLAIN) as log:
        async with relayed(tmp_path, server=server) as house:
            await house.ask(STREAM, prompt())
    (line,) = log.lines
    assert f" 200 stop           team-a gemini streamGenerateContent {MODEL} " in line
    assert line.endswith(" tokens")


async def test_nothing_is_written_when_it_is_off(tmp_path: Path) -> None:
    server = ServerOptions(log=LogForm.OFF)
    with log_lines() as log:
        async with relayed(tmp_path, server=server) as house:
            await house.ask(WHOLE, prompt())
    assert not log.lines


def test_a_name_cannot_break_a_line() -> None:
    assert clean("team\u2028a\u202eb\x1b[2J\r\n") == "team\\u2028a\\u202eb\\u001b[2J\\u000d\\u000a"


def test_words_of_an_exception_are_not_told_but_its_place() -> None:
    log = logging.getLogger("gemstream.relay")
    with log_lines() as written:
        try:
            raise ValueError("the body was: a-secret-of-the-caller")
        except ValueError:
            log.exception("request %s failed\r\nforged line \x1b[2J AIza%s", "req_1", "x" * 35)
    (line,) = written.lines
    told = json.loads(line)
    assert told["message"] == "request req_1 failed\\u000d\\u000aforged line \\u001b[2J REDACTED"
    assert told["exception"].startswith("ValueError at test_request_log.py:")
    assert "a-secret-of-the-caller" not in line


SECRETS = (
    "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
    "AQ.Ab8RN6LongTokenOfTheNewForm-12345",
    "ya29.a0AfH6SMB-secret",
    "gk_live_0123456789_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "sk-ant-api03-abcdefghijkl",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "AKIAIOSFODNN7EXAMPLE",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_key_is_taken_out(secret: str) -> None:
    for sentence in (secret, f"x={secret}.", f"Authorization: Bearer {secret}", f"?key={secret}&a"):
        assert secret not in redacted(sentence)
        assert secret[8:] not in redacted(sentence)


def test_passwords_of_urls_are_taken_out() -> None:
    assert redacted("redis://me:pa55@host/0") == "redis://REDACTED@host/0"
    assert redacted("?key=abc&alt=sse") == "?key=REDACTED&alt=sse"


@given(st.text())
def test_a_cleaned_text_is_one_line_that_does_nothing(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in cleaned)


class Stalled(io.StringIO):
    """A stream that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.goes_on.wait()
        return super().write(text)


def test_a_reader_who_stalls_stops_nobody() -> None:
    stream = Stalled()
    writer = LineWriter(stream)
    record = logging.LogRecord("a", logging.INFO, "", 0, "line", None, None)
    for _ in range(20_000):  # returns, though nothing is written
        writer.emit(record)
    assert writer.dropped >= 20_000 - 10_000 - 200
    stream.goes_on.set()
    writer.close()
    assert stream.getvalue().count("line\n") + writer.dropped == 20_000


def test_one_block_within_another_writes_once() -> None:
    with log_lines() as outer:
        with logged(LogForm.PLAIN, io.StringIO()):
            logging.getLogger("gemstream.relay").warning("once")
        logging.getLogger("gemstream.relay").warning("twice")
    assert len(outer.lines) == 2


async def test_the_loop_is_not_waited_for(tmp_path: Path) -> None:
    """A stalled log is no reason for a request to wait."""
    stream = Stalled()
    with logged(LogForm.JSON, stream):
        async with relayed(tmp_path) as house:
            answers = await asyncio.gather(*(house.ask(WHOLE, prompt()) for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
        stream.goes_on.set()
    assert len(stream.getvalue().splitlines()) == 5
