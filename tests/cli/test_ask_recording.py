"""``ask --save-recording``: what went over the network is in the file, and nothing secret."""

from __future__ import annotations

import signal
import stat
from pathlib import Path

from cli.program import GUARD, Served, environment, gemstream, started
from gemstream.net.recording import RecordingEnd, load

HELD = '[[rule]]\n[[rule.step]]\nchunk = "Once "\n[[rule.step]]\nwait = "ack"\n'
BUSY = """
[[rule]]
match = { request = 1 }
[[rule.step]]
fault = { kind = "status", code = 429, retry_delay = 0.01 }
"""
KEY = "AIza-a-key-of-thirty-nine-characters-0x"


def test_a_whole_answer_is_recorded(service: Served, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    env = {**service.play(""), "GEMINI_API_KEY": KEY}
    result = gemstream("ask", "Count to 3", "--save-recording", file, env=env)
    assert (result.code, result.out) == (0, "1, 2, 3\n")
    (recording,) = load(file)
    assert recording.path.endswith(":streamGenerateContent?alt=sse")
    assert b"Count to 3" in recording.request_body
    assert (recording.status, recording.end) == (200, RecordingEnd.CLEAN)
    assert recording.body.count(b"data: ") >= 1
    assert KEY not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_embedded_emulator_can_be_recorded(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.touch()  # as mktemp leaves it
    result = gemstream("ask", "Count to 3", "--emulate", "--no-stream", "--save-recording", file)
    assert result.code == 0
    (recording,) = load(file)
    assert recording.path.endswith(":generateContent")


def test_a_file_that_holds_something_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("precious")
    result = gemstream("ask", "hi", "--emulate", "--json", "--save-recording", file)
    assert (result.code, result.json["error"]["type"]) == (2, "InvalidRequest")
    assert "holds something already" in result.err
    assert file.read_text() == "precious"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    result = gemstream("ask", "hi", "--emulate", "--save-recording", tmp_path / "no" / "a.jsonl")
    assert (result.code, result.out) == (2, "")
    assert "cannot be written: No such file or directory" in result.err


def test_every_answered_attempt_is_recorded(service: Served, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    result = gemstream("ask", "Count to 3", "--save-recording", file, env=service.play(BUSY))
    assert result.code == 0
    assert [recording.status for recording in load(file)] == [429, 200]


def test_an_answer_that_was_stopped_is_recorded_as_far_as_it_came(
    service: Served, tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    with started("ask", "Tell", "--save-recording", file, env=service.play(HELD)) as program:
        assert program.stdout is not None
        assert program.stdout.read(5) == b"Once "
        program.send_signal(signal.SIGINT)
        assert program.wait(GUARD) == 130
    (recording,) = load(file)
    assert recording.end is RecordingEnd.ABORTED
    assert b"Once " in recording.body


def test_a_question_that_was_not_sent_leaves_room_for_the_next(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    assert gemstream("ask", "hi", "--save-recording", file, env=environment()).code == 3
    assert gemstream("ask", "hi", "--emulate", "--save-recording", file).code == 0
    assert len(load(file)) == 1
