"""What goes wrong: each kind has its exit code, one line on stderr, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.program import Result, Served, environment, gemstream
from support.servers import free_port

STATUS = '[[rule]]\n[[rule.step]]\nfault = {{ kind = "status", {} }}\n'
PIECES = '[[rule]]\n[[rule.step]]\nchunk = "It was "\n[[rule.step]]\nchunk = "a dark "\n'


def check(result: Result, code: int, *words: str) -> None:
    """Hold a failure to its form."""
    assert result.code == code, result
    said = [line for line in result.err.splitlines() if not line.startswith("note: ")]
    assert len(said) == 1, result
    assert said[0].startswith("error: ")
    for word in words:
        assert word in said[0]


# --- before anything is sent -----------------------------------------------------------------


def test_no_key_names_both_ways_out() -> None:
    result = gemstream("ask", "hi")
    check(result, 3, "GEMINI_API_KEY", "--emulate")
    assert result.out == ""


def test_no_key_is_told_in_json_too() -> None:
    result = gemstream("ask", "hi", "--json")
    check(result, 3)
    assert result.json["error"]["type"] == "MissingCredentials"
    assert result.json["complete"] == "partial"


REFUSED = [
    (["--nope"], "--nope"),
    (["hi", "--max-tokens", "many"], "--max-tokens"),
    (["hi", "--max-tokens", "0"], "max_output_tokens is 0"),
    (["hi", "--temperature", "nan"], "temperature"),
    (["hi", "--timeout", "-1"], "timeout total is -1.0"),
    (["hi", "--timeout", "inf"], "timeout total is inf"),
    (["hi", "--thinking", "hard"], "'hard'"),
    (["hi", "--json", "--jsonl"], "--jsonl"),
    (["hi", "-m", "../secret"], "'../secret'"),
    (["hi", "-m", "a?b"], "'a?b'"),
    (["hi", "-m", "imagen-4.0-generate-001"], "does not stream"),
    (["hi", "-m", "gemini-0-nothing"], "gemstream models"),
    (["hi", "-f", "nowhere.png"], "nowhere.png"),
    (["hi", "-f", "."], "media type"),
    (["hi", "--schema", "nowhere.json"], "nowhere.json"),
    (["hi", "--api-key-file", "nowhere.key"], "nowhere.key"),
    (["hi", "--base-url", "http://127.0.0.1:1"], "--base-url"),
    ([""], "the prompt is empty"),
    (["hi", "there"], "there"),
]


@pytest.mark.parametrize(("arguments", "word"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_wrong_command_is_refused(arguments: list[str], word: str) -> None:
    check(gemstream("ask", *arguments, "--emulate"), 2, word)


def test_stdin_must_hold_a_prompt() -> None:
    check(gemstream("ask", "--emulate", stdin=b""), 2, "empty")
    check(gemstream("ask", "-", "--emulate", stdin=b"a\xff"), 2, "not UTF-8 at byte 1")


def test_an_argument_that_is_not_text_is_refused() -> None:
    check(gemstream("ask", "a\udcff", "--emulate"), 2, "surrogates")


def test_a_schema_must_be_one(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    for text, word in (("{", "is not JSON"), ("[]", "a JSON object")):
        file.write_text(text)
        check(gemstream("ask", "hi", "--schema", file, "--emulate"), 2, word)


@pytest.mark.parametrize("url", ["ftp://x", "localhost:80", "http://x/?key=1"])
def test_a_base_url_must_be_one(url: str) -> None:
    check(gemstream("ask", "hi", "--base-url", url, env=environment(GEMINI_API_KEY="k")), 2)


def test_debug_shows_where() -> None:
    assert "Traceback" in gemstream("ask", "", "--emulate", "--debug").err


# --- refused by the service ------------------------------------------------------------------


def test_a_bad_key(service: Served) -> None:
    env = {**service.play(""), "GEMINI_API_KEY": "bad-key"}
    result = gemstream("ask", "hi", "--json", env=env)
    check(result, 3, "API key not valid")
    assert result.json["error"]["code"] == 400
    assert "bad-key" not in result.out + result.err


def test_a_quota_that_is_not_worth_waiting_for(service: Served) -> None:
    env = service.play(STATUS.format("code = 429, retry_delay = 61.0"))
    result = gemstream("ask", "hi", "--json", env=env)
    check(result, 4, "RESOURCE_EXHAUSTED", "try again in 61 s")
    error = result.json["error"]
    assert error["type"] == "ResourceExhausted"
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert (error["retry_delay"], error["delivered"]) == (61, 0)


def test_a_daily_quota_is_not_waited_for(service: Served) -> None:
    quota = "GenerateRequestsPerDayPerProjectPerModel"
    env = service.play(STATUS.format(f'code = 429, quota = "{quota}"'))
    check(gemstream("ask", "hi", env=env), 4, "midnight")


@pytest.mark.parametrize("code", [500, 503])
def test_a_service_that_is_down(service: Served, code: int) -> None:
    env = service.play(STATUS.format(f"code = {code}"))
    check(gemstream("ask", "hi", "--timeout", "0.5", env=env), 5)


def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    env = environment(GEMINI_API_KEY="k", GOOGLE_GEMINI_BASE_URL=url)
    check(gemstream("ask", "hi", "--timeout", "0.5", env=env), 5)


# --- in the middle of an answer --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ('{ kind = "cut" }', "StreamInterrupted"),
        ('{ kind = "end" }', "StreamTruncated"),
        ('{ kind = "error_in_stream", code = 503 }', "Unavailable"),
    ],
)
def test_what_arrived_before_a_fault_is_printed(service: Served, fault: str, error: str) -> None:
    env = service.play(f"{PIECES}[[rule.step]]\nfault = {fault}\n")
    text = gemstream("ask", "hi", env=env)
    told = gemstream("ask", "hi", "--json", env=env)
    check(text, 5, "(2 chunks had arrived)")
    assert text.out == "It was a dark \n"
    check(told, 5)
    assert told.json["text"] == "It was a dark "
    assert told.json["complete"] == "partial"
    assert len(told.json["timing"]["arrivals_ms"]) == 2
    assert told.json["error"]["type"] == error
    assert told.json["error"]["delivered"] == 2


def test_a_blocked_prompt_has_no_answer(service: Served) -> None:
    chunk = '{ promptFeedback = { blockReason = "SAFETY" } }'
    env = service.play(f"[[rule]]\n[[rule.step]]\nchunk = {chunk}\n")
    result = gemstream("ask", "hi", env=env)
    assert result == Result(1, "", "note: the prompt was blocked: SAFETY\n")
