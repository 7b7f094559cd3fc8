"""``gemstream live`` as a user runs it: lines in, answers out, and how a session ends."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cli.program import GUARD, Result, Served, environment, gemstream, started
from gemstream.audio import OUTPUT_RATE, read_wav, write_wav
from gemstream.emulator.live.speech import spoken

NOTE = "note: emulated answers; no model is asked\n"


def live(*arguments: str | Path, stdin: str | bytes = "Count to 3\n") -> Result:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    return gemstream("live", "--emulate", *arguments, stdin=data)


# --- what is said and shown ------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--text"], ["-m", "gemini-3.1-flash-live-preview"]])
def test_each_line_is_a_turn_and_each_answer_a_line(more: list[str]) -> None:
    result = live(*more, stdin="Count to 3\nCount to 2\n")
    assert result == Result(0, "1, 2, 3\n1, 2\n", NOTE)


@pytest.mark.parametrize(
    ("stdin", "out"),
    [
        ("", ""),
        ("\n  \n", ""),
        ("Count to 2", "1, 2\n"),
        ("Count to 2\r\n\r\nCount to 3\r\n", "1, 2\n1, 2, 3\n"),
        ("Say “ü” 🎈\n", "You said: Say “ü” 🎈\n"),
    ],
)
def test_lines_as_they_may_come(stdin: str, out: str) -> None:
    assert live(stdin=stdin) == Result(0, out, NOTE)


def test_json_lines_are_the_events_and_how_it_ended() -> None:
    result = live("--jsonl", stdin="Count to 2\nCount to 3\n")
    *lines, last = result.lines
    assert (result.code, result.err) == (0, NOTE)
    assert {line["schema"] for line in result.lines} == {"gemstream.live/1"}
    told = "".join(line["text"] for line in lines if line["event"] == "output_transcribed")
    assert told == "1, 21, 2, 3"
    audio = next(line for line in lines if line["event"] == "audio")
    assert (audio["mime_type"], audio["bytes"], audio["seconds"]) == (
        "audio/pcm;rate=24000",
        9600,
        0.2,
    )
    assert [line["event"] for line in lines].count("turn_completed") == 2
    assert next(line for line in lines if line["event"] == "usage_reported")["usage"]
    assert last == {
        "schema": "gemstream.live/1",
        "event": "end",
        "model": "gemini-3.8-live",
        "turns": 2,
        "lost": 0,
        "handle": None,  # it is gone with the emulator
        "stopped": False,
    }


def test_what_is_written_is_asked_for_as_text() -> None:
    lines = live("--jsonl", "--text").lines
    assert "".join(line["text"] for line in lines if line["event"] == "text") == "1, 2, 3"
    assert not [line for line in lines if line["event"] in ("audio", "output_transcribed")]


def test_the_times_of_each_turn_are_told_beside_the_answers() -> None:
    result = live("--timing", stdin="Count to 2\nCount to 3\n")
    assert result.out == "1, 2\n1, 2, 3\n"
    times = r"first text \d+\.\d ms, first audio \d+\.\d ms, complete \d+\.\d ms"
    assert re.fullmatch(f"{NOTE}note: turn 1: {times}\nnote: turn 2: {times}\n", result.err)


def test_the_speech_of_all_answers_goes_into_one_file(tmp_path: Path) -> None:
    file = tmp_path / "answer.wav"
    assert live("--audio-out", file, stdin="Count to 2\nCount to 1\n").code == 0
    words = b"".join(spoken(word) for word in ("1, ", "2", "1"))
    assert read_wav(file) == (words, OUTPUT_RATE)


def test_a_file_of_no_answer_is_a_wav_file(tmp_path: Path) -> None:
    file = tmp_path / "answer.wav"
    assert live("--audio-out", file, stdin="").code == 0
    assert read_wav(file) == (b"", OUTPUT_RATE)


def test_the_system_instruction_and_the_settings_are_sent(service: Served) -> None:
    given = ("--system", "Be brief", "--temperature", "3", "--max-tokens", "2", "--jsonl")
    result = gemstream("live", *given, env=service.play(""), stdin=b"Count to 9\n")
    assert result.code == 0
    usage = [line["usage"] for line in result.lines if line["event"] == "usage_reported"]
    without = gemstream("live", "--jsonl", env=service.play(""), stdin=b"Count to 9\n")
    plain = [line["usage"] for line in without.lines if line["event"] == "usage_reported"]
    assert usage[0]["prompt_token_count"] > plain[0]["prompt_token_count"]
    assert usage[0]["candidates_token_count"] < plain[0]["candidates_token_count"]


def test_functions_that_a_service_asks_for_are_declined_and_the_turn_goes_on(
    service: Served,
) -> None:
    script = """
        [[rule]]
        match = { request = 1 }
        [[rule.step]]
        chunk = { candidates = [{ content = { parts = [{ functionCall = { name = "shop" } }] } }] }
    """
    result = gemstream("live", env=service.play(script), stdin=b"Buy milk\n")
    assert result.code == 0
    assert "note: not run: the functions shop\n" in result.err
    assert "gemstream live runs no functions" in result.out  # the built-in model tells results


# --- what cannot be -------------------------------------------------------------------------

WRONG: list[tuple[tuple[str, ...], bytes, int, str]] = [
    (("--mic", "--audio-in", "a.wav"), b"", 2, "--mic and --audio-in exclude each other"),
    (("--mic", "--text"), b"", 2, "--text asks for no speech, which --mic needs"),
    (("--text", "--audio-out", "a.wav"), b"", 2, "no speech, which --audio-out needs"),
    (("--audio-in", "none.wav"), b"", 2, "cannot read the sound in none.wav: No such file"),
    (("--audio-out", "none/a.wav"), b"", 2, "cannot write the sound into none/a.wav: No such"),
    (("--base-url", "http://a.invalid"), b"", 2, "--emulate and --base-url exclude each other"),
    (("-m", "gemini-2.5-pro"), b"", 2, "has no Live sessions; use one that has"),
    (("-m", "gemini-0-live"), b"", 2, "not found"),
    (("-m", "gemini-0-live"), b"", 2, "; gemstream models lists what there is"),
    (("--resume", ""), b"", 2, "pass the handle of a session"),
    (("--resume", "nonsense"), b"", 2, "session not found; a handle holds for two hours"),
    (("--max-tokens", "0"), b"", 2, "max_output_tokens is 0; it must be a whole number"),
    (("--temperature", "warm"), b"", 2, "--temperature"),
    ((), b"\xff\n", 2, "a line of stdin is not UTF-8 at its byte 0"),
    ((), b"x" * 5_000_000, 2, "a line of stdin has more than 4,194,304 bytes"),
]


@pytest.mark.parametrize(("given", "stdin", "code", "said"), WRONG)
def test_what_is_wrong_is_one_line_with_its_code(
    given: tuple[str, ...], stdin: bytes, code: int, said: str
) -> None:
    result = live(*given, stdin=stdin)
    assert (result.code, result.out) == (code, "")
    error = result.err.splitlines()[-1]
    assert error.startswith("error: ") and said in error
    assert "Traceback" not in result.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_told_with_the_file() -> None:
    result = live("--audio-out", "/dev/full", stdin="Count to 2\n")
    assert result.code == 2
    assert "error: cannot write the sound into /dev/full: No space left on device\n" in result.err


def test_a_failure_is_the_last_of_the_json_lines() -> None:
    result = live("--jsonl", "--resume", "nonsense")
    (last,) = result.lines
    assert (last["event"], last["turns"], last["error"]["type"]) == (
        "end",
        0,
        "SessionClosedError",
    )


def test_without_a_key_the_way_out_is_named() -> None:
    result = gemstream("live", env=environment(), stdin=b"Hi\n")
    assert (result.code, result.out) == (3, "")
    assert "--emulate lets the local emulator answer" in result.err


def test_a_sound_of_the_wrong_kind_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"ID3\x04 an mp3 file")
    result = live("--audio-in", tmp_path / "a.wav")
    assert (result.code, result.out) == (2, "")
    assert "is no WAV file; convert it, as by: ffmpeg" in result.err
    write_wav(tmp_path / "b.wav", bytes(2000), 192_000)
    result = live("--audio-in", tmp_path / "b.wav")
    assert result.code == 2
    assert "resample it" in result.err


# --- how a session ends ----------------------------------------------------------------------


def test_a_session_is_resumed_in_another_process(service: Served) -> None:
    env = service.play("")
    first = gemstream("live", "--jsonl", env=env, stdin=b"Count to 2\n")
    told = re.search(r"note: the session can go on for two hours: --resume (\S+)\n", first.err)
    assert told is not None
    assert first.lines[-1]["handle"] == told[1]
    # The newest handle: it covers the answer.
    handles = [line["handle"] for line in first.lines if line["event"] == "resumption_updated"]
    assert told[1] == handles[-1] != handles[0]
    second = gemstream("live", "--resume", told[1], env=env, stdin=b"Count to 3\n")
    assert (second.code, second.out) == (0, "1, 2, 3\n")


def test_a_handle_that_was_refused_is_not_offered_again(service: Served) -> None:
    env = service.play("")
    result = gemstream("live", "--jsonl", "--resume", "nonsense", env=env, stdin=b"Hi\n")
    assert result.code == 2
    assert result.lines[-1]["handle"] is None
    assert "the session can go on" not in result.err


def test_a_session_that_the_service_ends_in_the_middle(service: Served) -> None:
    script = """
        [[rule]]
        [[rule.step]]
        chunk = "Once "
        [[rule.step]]
        fault = { kind = "close", code = 1011, reason = "Internal error encountered." }
    """
    result = gemstream("live", env=service.play(script), stdin=b"Tell\n")
    assert (result.code, result.out) == (5, "Once \n")
    assert "note: the connection ended with code 1011; seeking another\n" in result.err
    assert "note: the rest of the answer is lost; ask again\n" in result.err
    assert "--resume " in result.err


def test_a_session_goes_on_after_an_answer_that_was_lost(service: Served) -> None:
    script = """
        [[rule]]
        match = { request = 1 }
        [[rule.step]]
        chunk = "Once "
        [[rule.step]]
        fault = { kind = "cut" }
    """
    env = service.play(script)
    result = gemstream("live", "--jsonl", env=env, stdin=b"Tell\nMore\n")
    assert result.code == 5
    assert (result.lines[-1]["turns"], result.lines[-1]["lost"]) == (1, 1)
    assert [line["turn_is_lost"] for line in result.lines if line["event"] == "resumed"] == [True]


def test_a_session_that_the_service_will_not_have_back(service: Served) -> None:
    script = """
        [[rule]]
        [[rule.step]]
        chunk = "Once "
        [[rule.step]]
        fault = { kind = "close", code = 1002, reason = "not any more" }
    """
    result = gemstream("live", env=service.play(script), stdin=b"Tell\nMore\n")
    assert (result.code, result.out) == (5, "Once \n")
    assert "error: the Live session ended with code 1002" in result.err


def test_a_session_that_the_service_ends_normally_while_nobody_asks(service: Served) -> None:
    script = """
        [[rule]]
        match = { method = "bidiGenerateContent/connection" }
        [[rule.step]]
        fault = { kind = "go_away", time_left = 3 }
        [[rule.step]]
        fault = { kind = "close", code = 1000 }
    """
    env = service.play(script)
    with started("live", env=env, stdin=subprocess.PIPE) as program:
        assert program.stderr is not None
        err = program.stderr.read().decode()  # nobody says anything, and it ends
        assert program.wait(GUARD) == 0
    assert "note: the service ends the connection in 3 s\n" in err
    assert "note: the service ended the session\n" in err
