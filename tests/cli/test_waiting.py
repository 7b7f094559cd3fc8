"""What the limits decide is told on stderr: why, how long, and which setting changes it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from cli.program import GUARD, Served, gemstream, started
from cli.test_ask_live import line
from gemstream.cli.waiting import WaitNotes, decision_words
from gemstream.limits.memory_store import MemoryStore
from gemstream.telemetry import ChunkReceived, Decision, LimitDecided, Verdict
from support.clock import in_no_time
from support.emulated import async_client, scripted
from telemetry.told import ended

SCOPE = "https://service|key-1|gemini-2.5-flash"
TIER = "tier free, default"
ADVICE = (
    "; --tier, GEMINI_TIER or [providers.gemini] default_tier names another tier, "
    "--limit-wait SECONDS bounds the wait, --no-rate-limit keeps no limits"
)


def decided(verdict: Verdict, **facts: Any) -> LimitDecided:
    decision = Decision(verdict=verdict, scope=SCOPE, **{"setting": TIER, **facts})
    return LimitDecided(call=1, at=0.0, decision=decision)


WORDS = [
    (
        {"verdict": Verdict.WAITING, "quota": "rpm", "amount": 10, "delay": 41.26},
        "waiting 41.3 s, for the limit of 10 requests a minute is used up (tier free, default)",
    ),
    (
        {"verdict": Verdict.WAITING, "quota": "tpm", "amount": 250_000, "delay": 200, "ahead": 1},
        "waiting 3 min behind 1 other, for the limit of 250,000 tokens a minute is used up "
        "(tier free, default)",
    ),
    (
        {"verdict": Verdict.WAITING, "quota": "concurrency", "amount": 1},
        "waiting until there is room, for the limit of 1 answer at once is used up "
        "(tier free, default)",
    ),
    (
        {"verdict": Verdict.WAITING, "ahead": 3},
        "waiting behind 3 others (tier free, default)",
    ),
    (
        {"verdict": Verdict.WAITING, "quota": "hold", "amount": 1, "delay": 30.0},
        "waiting 30.0 s, as the service asked to hold back",
    ),
    (
        {"verdict": Verdict.PAUSED, "quota": "tpm", "amount": 1000, "delay": 9.0},
        "the answer is read on in 9.0 s, for more than 1,000 tokens a minute were used "
        "(tier free, default)",
    ),
    (
        {"verdict": Verdict.HELD, "delay": 30.0},
        "the service asked to hold back 30.0 s; every request to the model waits",
    ),
    (
        {"verdict": Verdict.LEARNED, "quota": "rpm", "amount": 1},
        "from now on 1 request a minute, as the answers of the service show, "
        "in place of tier free, default",
    ),
]


@pytest.mark.parametrize(("facts", "words"), WORDS)
def test_a_decision_in_words(facts: dict[str, Any], words: str) -> None:
    decision = Decision(scope=SCOPE, **{"setting": TIER, **facts})
    assert decision_words(decision) == f"gemini-2.5-flash: {words}"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.AWAY, "the shared books of limits are out of reach; each process has a share"),
        (Verdict.BACK, "the shared books of limits are back"),
        (Verdict.LOST, "the shared books had forgotten an answer that runs"),
    ],
)
def test_the_state_of_the_books_is_about_no_model(verdict: Verdict, words: str) -> None:
    assert (
        decision_words(Decision(verdict=verdict, scope=SCOPE, setting="each process has a share"))
        == words
    )


# --- when it is told -------------------------------------------------------------------------


def told(*scene: LimitDecided | float | ChunkReceived) -> list[str]:
    """Return what is said of these events, numbers being seconds between them."""
    said: list[str] = []
    notes = WaitNotes(said.append)

    async def play() -> None:
        for step in scene:
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                notes(step)
        notes(ended())
        await asyncio.sleep(10)

    in_no_time(play())
    return said


RPM = {"quota": "rpm", "amount": 10}
WAITING = decided(Verdict.WAITING, delay=30.0, **RPM)
UNKNOWN = decided(Verdict.WAITING, ahead=2)
SHORT = decided(Verdict.WAITING, delay=0.5, **RPM)
GRANTED = decided(Verdict.GRANTED, delay=1.0)
PAUSED = decided(Verdict.PAUSED, delay=5.0, quota="tpm", amount=10)
CHUNK = ChunkReceived(call=1, at=0.0, number=1)

SCENES = {
    "a long wait, as it begins": ([WAITING], 1),
    "a wait that is over within a second": ([SHORT, 0.5, GRANTED], 0),
    "a short wait that took long": ([SHORT, 1.5, GRANTED], 1),
    "a wait of unknown length": ([UNKNOWN, 1.5, GRANTED], 1),
    "others that were gone at once": ([UNKNOWN, 0.9, GRANTED], 0),
    "a wait that the end of the call ends": ([UNKNOWN, 0.5], 0),
    "one at once": ([decided(Verdict.GRANTED, delay=0.0)], 0),
    "a refusal, which is the command's error": ([decided(Verdict.REFUSED, **RPM)], 0),
    "a pause, looked at again and again": ([PAUSED, PAUSED, PAUSED], 1),
    "a second pause": ([PAUSED, CHUNK, PAUSED], 2),
    "a pause that is none": ([decided(Verdict.PAUSED, delay=0.2, quota="tpm", amount=1)], 0),
}


@pytest.mark.parametrize("scene", SCENES)
def test_waits_over_a_second_are_told(scene: str) -> None:
    events, count = SCENES[scene]
    assert len(told(*events)) == count  # type: ignore[arg-type]


def test_the_settings_are_named_once() -> None:
    first, second, hold, said = told(
        WAITING,
        WAITING,
        decided(Verdict.WAITING, quota="hold", amount=1, delay=5.0),
        decided(Verdict.WAITING, quota="messages", amount=10, delay=5.0),
    )
    assert first.endswith(ADVICE)
    assert second.endswith(f"({TIER})")
    assert hold.endswith("; --limit-wait SECONDS bounds the wait")
    assert "--tier" in said
    assert "--limit-wait" not in said  # what is said in a session waits for as long as it takes


def test_a_wait_of_a_real_client_is_told() -> None:
    said: list[str] = []
    has_begun = asyncio.Event()

    def say(words: str) -> None:
        said.append(words)
        has_begun.set()

    shared = MemoryStore()
    emulator = scripted(["a"])
    options = {"tier": "free", "limit_store": shared, "on_event": WaitNotes(say)}

    async def scene() -> None:
        async with async_client(emulator, **options) as client:
            for _ in range(2):
                await client.generate("Hi", model="gemini-2.5-pro")
            waiting = asyncio.ensure_future(client.generate("Hi", model="gemini-2.5-pro"))
            await has_begun.wait()
            waiting.cancel()

    asyncio.run(scene())
    (words,) = said
    assert words.startswith("gemini-2.5-pro: waiting 60.0 s, for the limit of 2 requests a minute")
    assert words.endswith(f"(tier free, given){ADVICE}")


# --- the program -----------------------------------------------------------------------------

# The first request fails and counts; another within the minute is one too many.
OVERLOADED = (
    '[[rule]]\nmatch = { request = 1 }\n[[rule.step]]\nfault = { kind = "status", code = 503 }\n'
)
THROTTLED = (
    '[[rule]]\nmatch = { request = 1 }\n[[rule.step]]\nfault = { kind = "status", code = 429, '
    'retry_delay = 0.01, quota = "GenerateRequestsPerMinutePerProjectPerModel" }\n'
)
ONE = '[providers.gemini.tiers.free.models."gemini-2.5-flash"]\nrpm = 1\n'


@pytest.fixture
def one_a_minute(service: Served, tmp_path: Path) -> dict[str, str]:
    """Return where the program finds the emulator, and a file that allows one request a minute."""
    (tmp_path / "gemstream.toml").write_text(ONE)
    more = {"GEMSTREAM_CONFIG": str(tmp_path / "gemstream.toml"), "XDG_STATE_HOME": str(tmp_path)}
    return service.play(OVERLOADED) | more


def test_a_wait_is_told_while_it_lasts(one_a_minute: dict[str, str]) -> None:
    with started("ask", "Hi", "--tier", "free", "--json", env=one_a_minute) as program:
        assert line(program.stderr).startswith("note: attempt 1 failed (503 UNAVAILABLE)")
        said = line(program.stderr)
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=GUARD)
    assert said.startswith("note: gemini-2.5-flash: waiting ")
    assert said.endswith(
        f"s, for the limit of 1 request a minute is used up (tier free, given){ADVICE}\n"
    )
    assert (program.returncode, json.loads(out)["complete"]) == (130, "stopped")


def test_who_does_not_wait_is_told_when_to_come_back(one_a_minute: dict[str, str]) -> None:
    result = gemstream(
        "ask", "Hi", "--tier", "free", "--limit-wait", "0", "--json", env=one_a_minute
    )
    assert result.code == 4
    assert result.json["error"]["type"] == "RateLimited"
    assert result.json["error"]["quota"] == "rpm"
    assert 50 < result.json["error"]["retry_delay"] <= 60
    said = result.err.splitlines()[-1]
    assert said.startswith("error: the limit of 1 request a minute is used up, for ")
    assert "it was not to wait, and nothing was sent" in said
    assert said.endswith("--tier names another tier, --no-rate-limit keeps no limits")


@pytest.mark.parametrize("more", [["--no-rate-limit"], []], ids=["switched off", "no tier"])
def test_without_limits_nothing_waits(more: list[str], one_a_minute: dict[str, str]) -> None:
    result = gemstream("ask", "Count to 2", *more, env=one_a_minute)
    assert (result.code, result.out) == (0, "1, 2\n")
    assert "waiting" not in result.err


def test_the_environment_names_a_tier_and_the_option_keeps_none(
    one_a_minute: dict[str, str],
) -> None:
    env = one_a_minute | {"GEMINI_TIER": "free"}
    assert gemstream("ask", "Count to 2", "--no-rate-limit", env=env).code == 0


def test_what_the_service_asks_for_is_told(service: Served, tmp_path: Path) -> None:
    env = service.play(THROTTLED) | {"XDG_STATE_HOME": str(tmp_path)}
    result = gemstream("ask", "Count to 2", "--tier", "free", env=env)
    assert (result.code, result.out) == (0, "1, 2\n")
    assert (
        "note: gemini-2.5-flash: the service asked to hold back 1.0 s; every request to the model "
        "waits\n"
    ) in result.err
    assert (
        "note: gemini-2.5-flash: from now on 1 answer at once, as the answers of the service show"
    ) in result.err


def test_doctor_keeps_limits_too(one_a_minute: dict[str, str]) -> None:
    arguments = ("doctor", "--online", "--json", "--tier", "free", "--limit-wait", "0")
    result = gemstream(*arguments, env=one_a_minute)
    (stream,) = (check for check in result.json["checks"] if check["check"] == "stream")
    assert (result.code, stream["state"]) == (4, "fail")
    assert stream["message"].startswith("RateLimited: the limit of 1 request a minute is used up")


def test_the_emulator_in_process_has_no_limits_unless_a_tier_is_named(tmp_path: Path) -> None:
    (tmp_path / "gemstream.toml").write_text(
        f'[providers.gemini]\ndefault_tier = "free"\n{ONE}tpm = 1\n'
    )
    env = {**Served("http://any").env, "GEMSTREAM_CONFIG": str(tmp_path / "gemstream.toml")}
    del env["GOOGLE_GEMINI_BASE_URL"]
    assert gemstream("ask", "Count to 2", "--emulate", env=env).code == 0
    result = gemstream("ask", "Count to 2", "--emulate", "--tier", "free", env=env)
    assert result.code == 4
    assert "more than there ever is (tier free, given)" in result.err


CONTRADICTIONS = [
    (["ask", "hi", "--emulate", "--tier", "free", "--no-rate-limit"], "--tier and --no-rate-limit"),
    (["ask", "hi", "--emulate", "--tier", "free", "--limit-wait", "-1"], "--limit-wait is -1"),
    (["ask", "hi", "--emulate", "--limit-wait", "-1"], "--limit-wait is -1"),
    (["ask", "hi", "--emulate", "--limit-store", "etcd"], "limit_store is 'etcd'"),
    (["limits", "--watch", "--json"], "--jsonl goes with --watch"),
    (["limits", "--jsonl"], "--jsonl goes with --watch"),
]


@pytest.mark.parametrize(("arguments", "said"), CONTRADICTIONS)
def test_what_cannot_be_meant_is_refused(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = gemstream(*arguments)
    assert result.code == 2
    assert said in result.err
