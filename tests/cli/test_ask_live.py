"""While the answer is under way: real time through a pipe, Ctrl-C, and a reader who leaves.

No clock is read: the emulator holds each chunk back until the test has seen the one before.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import IO

import pytest

from cli.program import GUARD, Served, started

WORDS = ("Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "stream.")
HELD = "[[rule]]\n" + "".join(
    f'[[rule.step]]\nchunk = "{word}"\n[[rule.step]]\nwait = "ack"\n' for word in WORDS
)
STALLED = '[[rule]]\n[[rule.step]]\nchunk = "Once "\n[[rule.step]]\nfault = { kind = "stall" }\n'


def read(pipe: IO[bytes] | None, size: int) -> str:
    """Read ``size`` bytes as soon as they are there."""
    assert pipe is not None
    data = b""
    while len(data) < size and (more := os.read(pipe.fileno(), size - len(data))):
        data += more
    return data.decode()


def line(pipe: IO[bytes] | None) -> str:
    """Read one line as soon as it is there."""
    text = ""
    while not text.endswith("\n") and (more := read(pipe, 1)):
        text += more
    return text


def test_text_reaches_a_pipe_before_the_next_is_written(service: Served) -> None:
    with started("ask", "Tell", env=service.play(HELD)) as program:
        for word in WORDS:
            assert read(program.stdout, len(word)) == word
            service.ack()
        assert read(program.stdout, 2) == "\n"
        assert program.wait(GUARD) == 0


@pytest.mark.parametrize("form", ["--jsonl", "--timing"])
def test_lines_reach_a_pipe_before_the_next_is_written(service: Served, form: str) -> None:
    with started("ask", "Tell", form, env=service.play(HELD)) as program:
        for word in WORDS:
            assert word in line(program.stdout)
            service.ack()
        assert program.stdout is not None
        assert program.stdout.read()
        assert program.wait(GUARD) == 0


def test_ctrl_c_keeps_what_arrived_and_tells_its_state(service: Served) -> None:
    with started("ask", "Tell", env=service.play(STALLED)) as program:
        assert read(program.stdout, 5) == "Once "
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=GUARD)
    assert (program.returncode, out) == (130, b"\n")
    assert err.decode().startswith("note: interrupted: the answer is incomplete; 1 chunk arrived, ")
    assert "token" in err.decode()
    assert err.count(b"\n") == 1


def test_ctrl_c_ends_json_with_an_object(service: Served) -> None:
    with started("ask", "Tell", "--jsonl", env=service.play(STALLED)) as program:
        assert json.loads(line(program.stdout))["text"] == "Once "
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=GUARD)
    told = json.loads(out)
    assert program.returncode == 130
    assert (told["text"], told["complete"]) == ("Once ", "stopped")
    assert told["usage"]["total_token_count"] > 0


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_ctrl_c_before_the_first_chunk(more: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        arguments = ("ask", "Tell", "--json", "--base-url", url, *more)
        with started(*arguments, env={**os.environ, "GEMINI_API_KEY": "any"}) as program:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(1)
                program.send_signal(signal.SIGINT)
                out, err = program.communicate(timeout=GUARD)
    told = json.loads(out)
    assert program.returncode == 130
    assert (told["text"], told["complete"], told["timing"]["arrivals_ms"]) == ("", "stopped", [])
    assert b"Traceback" not in err


def test_a_reader_who_leaves_ends_it_quietly(service: Served) -> None:
    with started("ask", "Tell", env=service.play(HELD)) as program:
        assert read(program.stdout, 5) == "Once "
        assert program.stdout is not None
        program.stdout.close()
        for _ in WORDS:
            service.ack()
        assert program.wait(GUARD) == 1
        assert program.stderr is not None
        assert program.stderr.read() == b""
