"""``gemstream emulate`` with recordings and with faults of the wire, as programs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cli.program import GUARD, gemstream, served, started
from gemstream.net.recording import load


def test_what_one_emulator_recorded_another_replays(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    with (
        served() as far,
        served("--record", far.env["GOOGLE_GEMINI_BASE_URL"], "--record-to", file) as near,
    ):
        assert gemstream("ask", "Count to 3", env=near.env).out == "1, 2, 3\n"
    (recording,) = load(file)
    assert b"Count to 3" in recording.request_body
    with served("--replay", file, "--replay-pace", "0") as service:
        assert gemstream("ask", "anything", env=service.env).out == "1, 2, 3\n"
        used_up = gemstream("ask", "anything", env=service.env)
        assert used_up.code != 0
        assert "are used up" in used_up.err
    with served("--replay", file, "--replay-again", "--replay-pace", "0") as service:
        for _ in range(2):
            assert gemstream("ask", "anything", env=service.env).out == "1, 2, 3\n"


def test_what_is_to_be_redacted_is_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    paths = ["--redact", "contents.parts.text", "--redact", "candidates.content.parts.text"]
    with (
        served() as far,
        served("--record", far.env["GOOGLE_GEMINI_BASE_URL"], "--record-to", file, *paths) as near,
    ):
        assert "private" in gemstream("ask", "my private words", env=near.env).out
    (recording,) = load(file)
    assert b"private" not in recording.request_body + recording.body


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_emulator_leaves_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    with served() as far:
        url = far.env["GOOGLE_GEMINI_BASE_URL"]
        options = ["--record", url, "--record-to", tmp_path / "r.jsonl"]
        with started("emulate", "--port", "0", *options) as program:
            assert program.stderr is not None
            said = [program.stderr.readline().decode().split() for _ in range(3)]
            env = {**far.env, "GOOGLE_GEMINI_BASE_URL": said[0][4].rstrip(";")}
            assert gemstream("ask", "Count to 3", env=env).out == "1, 2, 3\n"
            program.send_signal(number)
            out, err = program.communicate(timeout=GUARD)
    assert (program.returncode, out, err) == (0, b"", b"")


def test_the_wire_breaks_as_told() -> None:
    with served("--chaos", "cut:at=0,connection=1", "--chaos", "latency:ms=1") as service:
        result = gemstream("ask", "Count to 3", env=service.env)
        assert result.out == "1, 2, 3\n"
        assert "attempt 1 failed (the connection broke" in result.err


REFUSED = [
    (["--record", "http://a"], "--record URL and --record-to FILE belong together"),
    (["--record-to", "a"], "--record URL and --record-to FILE belong together"),
    (["--redact", "a.b"], "--redact is for --record"),
    (["--replay-again"], "are for --replay"),
    (["--replay", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
    (["--record", "a", "--record-to", "r", "--replay", "b"], "exclude each other"),
    (["--record", "a", "--record-to", "r"], "'a' is not where a service is"),
    (["--chaos", "rest:at=1"], "did you mean 'reset'?"),
    (["--chaos", "reset", "--host", "0.0.0.0"], "on this machine only"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_a_wrong_command_is_refused(arguments: list[str], words: str, tmp_path: Path) -> None:
    result = gemstream("emulate", "--port", "0", *arguments)
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1
