"""A conversation under way: real time through a pipe, Ctrl-C once and twice, and a terminal.

No clock is read: the emulator holds each word back until the test has seen the one before.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import IO, Any

from cli.program import GEMSTREAM, GUARD, Served, environment, started
from cli.test_ask_live import HELD, WORDS, line, read
from gemstream.cli.live_conversation import INTERRUPTION

# The first turn stops in the middle; the built-in model answers the others.
STALLED = (
    "[[rule]]\nmatch = { request = 1 }\n"
    '[[rule.step]]\nchunk = "Once "\n[[rule.step]]\nfault = { kind = "stall" }\n'
)
# A model that is not told of an interruption: the test lets the answer go on and end.
HISTORY_ONLY = ("-m", "gemini-3.1-flash-live-preview")


def say(program: subprocess.Popen[bytes], text: str) -> None:
    """Type a line."""
    assert program.stdin is not None
    program.stdin.write(f"{text}\n".encode())
    program.stdin.flush()


def note(pipe: IO[bytes] | None, begins: str) -> str:
    """Read lines until one begins so."""
    while not (told := line(pipe)).startswith(begins):
        assert told, f"no line begins with {begins!r}"
    return told


def test_words_reach_a_pipe_before_the_next_is_said(service: Served) -> None:
    with started("live", env=service.play(HELD), stdin=subprocess.PIPE) as program:
        say(program, "Tell")
        for word in WORDS:
            assert read(program.stdout, len(word)) == word
            service.ack()
        assert read(program.stdout, 1) == "\n"
        program.communicate(timeout=GUARD)  # closes stdin
        assert program.returncode == 0


def test_ctrl_c_interrupts_the_answer_and_the_session_goes_on(service: Served) -> None:
    with started("live", env=service.play(STALLED), stdin=subprocess.PIPE) as program:
        say(program, "Tell")
        assert read(program.stdout, 5) == "Once "
        program.send_signal(signal.SIGINT)
        assert line(program.stdout) == "\n"
        assert note(program.stderr, "note: interrupted") == (
            "note: interrupted; Ctrl-C again ends the session\n"
        )
        say(program, "Count to 3")
        assert line(program.stdout) == "1, 2, 3\n"
        out, _ = program.communicate(timeout=GUARD)
    assert (program.returncode, out) == (0, b"")


def test_the_model_is_told_that_it_was_interrupted(service: Served) -> None:
    script = STALLED + f"[[rule]]\nmatch = {{ prompt = '{_pattern(INTERRUPTION)}' }}\n"
    script += '[[rule.step]]\nchunk = "wrong: nobody asked"\n'
    with started("live", "--jsonl", env=service.play(script), stdin=subprocess.PIPE) as program:
        say(program, "Tell")
        assert _event(program.stdout, "output_transcribed")["text"] == "Once "
        program.send_signal(signal.SIGINT)
        _event(program.stdout, "interrupted")
        _event(program.stdout, "turn_completed")
        say(program, "Count to 2")
        out, _ = program.communicate(timeout=GUARD)
    events = [json.loads(each) for each in out.decode().splitlines()]
    said = "".join(each["text"] for each in events if each["event"] == "output_transcribed")
    assert said == "1, 2"
    assert events[-1]["turns"] == 2


def test_a_model_that_cannot_be_told_is_not_listened_to(service: Served) -> None:
    arguments = ("live", *HISTORY_ONLY)
    rule = HELD.replace("[[rule]]", "[[rule]]\nmatch = { request = 1 }", 1)
    with started(*arguments, env=service.play(rule), stdin=subprocess.PIPE) as program:
        say(program, "Tell")
        assert read(program.stdout, len(WORDS[0])) == WORDS[0]
        program.send_signal(signal.SIGINT)
        assert line(program.stdout) == "\n"
        for _ in WORDS:
            service.ack()
        say(program, "Count to 2")
        assert line(program.stdout) == "1, 2\n"  # nothing of the other answer's rest
        program.communicate(timeout=GUARD)
    assert program.returncode == 0


def test_ctrl_c_twice_ends_the_session(service: Served) -> None:
    env = service.play(STALLED)
    with started("live", *HISTORY_ONLY, env=env, stdin=subprocess.PIPE) as program:
        say(program, "Tell")
        assert read(program.stdout, 5) == "Once "
        program.send_signal(signal.SIGINT)
        note(program.stderr, "note: interrupted")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=GUARD)
    assert (program.returncode, out) == (130, b"\n")
    assert b"--resume" in err
    assert b"Traceback" not in err


def test_ctrl_c_while_nobody_is_answered_ends_the_session(service: Served) -> None:
    with started("live", "--jsonl", env=service.play(""), stdin=subprocess.PIPE) as program:
        say(program, "Count to 2")
        _event(program.stdout, "turn_completed")
        _event(program.stdout, "resumption_updated")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=GUARD)
    last = json.loads(out)
    assert program.returncode == 130
    assert (last["event"], last["stopped"], last["turns"]) == ("end", True, 1)
    assert f"--resume {last['handle']}\n" in err.decode()


def test_ctrl_c_while_the_session_is_opened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        env = environment(GEMINI_API_KEY="any")
        with started("live", "--jsonl", "--base-url", url, env=env) as program:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(1)
                program.send_signal(signal.SIGINT)
                out, err = program.communicate(timeout=GUARD)
    last = json.loads(out)
    assert (program.returncode, err) == (130, b"")
    assert (last["event"], last["stopped"], last["handle"]) == ("end", True, None)


def test_a_reader_who_leaves_ends_it_quietly(service: Served) -> None:
    with started("live", env=service.play(HELD), stdin=subprocess.PIPE) as program:
        say(program, "Tell")
        assert read(program.stdout, 5) == "Once "
        assert program.stdout is not None
        program.stdout.close()
        service.ack()
        assert program.wait(GUARD) == 1
        assert program.stderr is not None
        assert b"Traceback" not in program.stderr.read()


# --- on a terminal ---------------------------------------------------------------------------


def test_a_person_is_prompted_and_ends_it_by_the_end_of_file() -> None:
    shown = _typed(b"Count to 2\n", b"\x04")
    assert shown == "note: emulated answers; no model is asked\n> Count to 2\n1, 2\n> \n"


def test_nothing_is_coloured_where_colour_is_refused() -> None:
    assert "\x1b" not in _typed(b"\x04")
    assert "\x1b" in _typed(b"\x04", FORCE_COLOR="1")


def test_what_is_told_at_a_prompt_has_a_line_and_the_prompt_comes_again(service: Served) -> None:
    script = """
        [[rule]]
        match = { method = "bidiGenerateContent/connection" }
        [[rule.step]]
        wait = "ack"
        [[rule.step]]
        fault = { kind = "go_away", time_left = 300 }
    """
    env = {**service.play(script), "NO_COLOR": "1"}
    shown = _shown(["live"], env, service.ack, b"\x04")
    assert shown.startswith("> \nnote: the service ends the connection in 300 s\n> \nnote: ")


def _typed(*typed: bytes, **more: str) -> str:
    """What a terminal shows when each of ``typed`` answers a prompt."""
    env = environment(**({"NO_COLOR": "1"} if "FORCE_COLOR" not in more else {}), **more)
    return _shown(["live", "--emulate"], env, *typed)


def _shown(command: list[str], env: dict[str, str], *done: bytes | Callable[[], None]) -> str:
    """What a terminal shows when at each prompt something is typed or happens."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [*GEMSTREAM, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        start_new_session=True,
    )
    shown, left = b"", list(done)
    try:
        os.close(theirs)
        while more_shown := _read_terminal(ours):
            shown += more_shown
            if left and shown.endswith(b"> "):
                now = left.pop(0)
                if isinstance(now, bytes):
                    os.write(ours, now)
                else:
                    now()
        assert program.wait(GUARD) == 0
    finally:
        program.kill()
        program.wait()
        os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def _read_terminal(ours: int) -> bytes:
    try:
        return os.read(ours, 4096)
    except OSError:  # Linux tells the end of the other side so
        return b""


def _event(pipe: IO[bytes] | None, kind: str) -> dict[str, Any]:
    """Read lines until one tells of such an event."""
    while True:
        told: dict[str, Any] = json.loads(line(pipe))
        if told["event"] == kind:
            return told


def _pattern(text: str) -> str:
    return text.replace("(", r"\(").replace(")", r"\)").replace(".", r"\.")
