"""What ``gemstream ask`` tells of the cost, and how it holds ``--max-cost``."""

from __future__ import annotations

import os
import subprocess

import pytest

from cli.program import GEMSTREAM, GUARD, Result, Served, gemstream

NOTE = "note: emulated answer; no model was asked\n"


def ask(*arguments: str) -> Result:
    return gemstream("ask", *arguments, "--emulate")


def test_json_has_the_cost_and_its_parts() -> None:
    cost = ask("Count to 5", "--json").json["cost"]
    # 2 or 3 tokens of prompt at 0.3 micro-dollars, 4 of answer at 2.5
    assert cost["currency"] == "USD"
    assert cost["micros"] == sum(cost["parts"].values()) == 11
    assert set(cost["parts"]) == {"input", "output"}


def test_json_lines_have_the_running_cost() -> None:
    *chunks, end = ask("Count to 5", "--jsonl").lines
    running = [chunk["cost_micros"] for chunk in chunks]
    assert running == sorted(running)
    assert running[-1] == end["cost"]["micros"]


def test_a_model_without_a_price_has_no_cost() -> None:
    assert ask("Count to 5", "--json", "-m", "gemini-2.0-flash-exp").json["cost"] is None


def test_an_answer_within_its_limit_tells_its_cost() -> None:
    result = ask("Count to 5", "--max-cost", "0.01")
    assert result == Result(0, "1, 2, 3, 4, 5\n", f"{NOTE}note: cost: $0.000011\n")


def test_an_answer_is_broken_off_at_its_limit() -> None:
    result = ask("Count to 500", "--max-cost", "0.00005", "--json")
    assert result.code == 4
    answer = result.json
    assert answer["text"].startswith("1, 2, 3")
    assert 30 <= answer["cost"]["micros"] <= 50
    assert answer["error"]["type"] == "BudgetExceeded"
    assert answer["error"]["partial"] == answer["text"]
    assert answer["complete"] == "partial"
    assert "max_cost of $0.000050" in result.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--max-cost", "0"], "max_cost is '0'"),
        (["--max-cost", "cheap"], "max_cost is 'cheap'"),
        (["--max-cost", "1", "-m", "gemini-2.0-flash-exp"], "no price is known"),
    ],
)
def test_a_limit_that_cannot_be_held_is_refused(more: list[str], said: str) -> None:
    result = ask("hi", *more)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_no_stream_holds_it_too() -> None:
    result = ask("Count to 500", "--max-cost", "0.00005", "--no-stream")
    assert (result.code, result.out) == (4, "")


def test_a_person_is_told_the_cost_and_a_program_is_not(service: Served) -> None:
    env = service.play('[[rule]]\n[[rule.step]]\nchunk = "It was a dark night"\n')
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [*GEMSTREAM, "ask", "hi"],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            stderr=theirs,
            env=env,
            timeout=GUARD,
            check=False,
        )
        said = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (0, b"It was a dark night\n")
    assert "cost: $0.000013" in said  # 0.3 + 5 × 2.5
    assert gemstream("ask", "hi", env=env).err == ""
