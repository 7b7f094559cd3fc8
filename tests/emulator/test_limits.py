"""Limits and keys as a client meets them, in the service's words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from emulator.driver import MODEL, answer, ask, method_url, prompt, stream_url, text_of
from gemstream import AsyncClient, RetryPolicy
from gemstream.emulator import (
    Clock,
    Cut,
    Emulator,
    JournalEnd,
    Keys,
    Limits,
    ModelLimits,
    Rule,
    Script,
    Stall,
    Status,
    WaitForAck,
    serving,
)
from gemstream.errors import ConfigError, ResourceExhausted, Unauthenticated
from gemstream.wire.status import decode_error
from support.emulated import async_client

WHOLE = method_url("generateContent")
ONCE = RetryPolicy(attempts=1)
NOON = 1_795_292_400  # 2026-11-21, 12:20 US/Pacific


def limited(*rules: Rule, start: float = NOON, **limits: Any) -> Emulator:
    """An emulator whose clock only moves when told to."""
    script = Script(list(rules), limits=Limits(**limits))
    return Emulator(script, clock=Clock(scale=0, start=start))


async def statuses(emulator: Emulator, *prompts: str, url: str = WHOLE) -> list[int]:
    return [(await answer(emulator, url, prompt(text)))[0] for text in prompts]


async def test_a_refusal_is_the_service_s_word_for_word() -> None:
    emulator = limited(rpm=1)
    assert await statuses(emulator, "a") == [200]
    emulator.advance(12.825933065)
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    assert await answer(emulator, WHOLE, prompt("b")) == (
        429,
        {
            "error": {
                "code": 429,
                "message": "You exceeded your current quota, please check your plan and billing "
                "details. For more information on this error, head to: "
                "https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current "
                "usage, head to: https://ai.dev/rate-limit. \n"
                f"* Quota exceeded for metric: {metric}, limit: 1, model: {MODEL}\n"
                "Please retry in 47.174066935s.",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.Help",
                        "links": [
                            {
                                "description": "Learn more about Gemini API quotas",
                                "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
                            }
                        ],
                    },
                    {
                        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                        "violations": [
                            {
                                "quotaMetric": metric,
                                "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                                "quotaDimensions": {"location": "global", "model": MODEL},
                                "quotaValue": "1",
                            }
                        ],
                    },
                    {
                        "@type": "type.googleapis.com/google.rpc.RetryInfo",
                        "retryDelay": "47.174066935s",
                    },
                ],
            }
        },
    )
    emulator.advance(47.174066935)
    assert await statuses(emulator, "c") == [200]


async def test_a_refusal_is_in_the_journal_and_not_in_the_quota() -> None:
    emulator = limited(rpm=1)
    assert await statuses(emulator, "a", "b", "c") == [200, 429, 429]
    assert [(entry.status, entry.end) for entry in emulator.journal] == [
        (200, JournalEnd.FINISHED),
        (429, JournalEnd.ERROR),
        (429, JournalEnd.ERROR),
    ]
    assert {entry.at for entry in emulator.journal} == {NOON}
    emulator.advance(60)
    assert await statuses(emulator, "d") == [200]


async def test_all_violations_are_told_with_the_longest_delay() -> None:
    emulator = limited(rpm=1, tpm=1, rpd=1, concurrency=9)
    await statuses(emulator, "abcd")
    _, said = await answer(emulator, WHOLE, prompt("abcd"))
    error = decode_error(json.dumps(said).encode(), http_status=429)
    assert isinstance(error, ResourceExhausted) and error.daily
    ids = [quota["quotaId"].partition("-")[0] for quota in error.quotas]
    assert ids == [
        "GenerateRequestsPerMinutePerProjectPerModel",
        "GenerateContentInputTokensPerModelPerMinute",
        "GenerateRequestsPerDayPerProjectPerModel",
    ]
    assert error.message.count("* Quota exceeded for metric") == 3
    assert "generate_content_free_tier_input_token_count, limit: 1" in error.message
    assert error.retry_delay == 11 * 3600 + 40 * 60  # to midnight US/Pacific


async def test_tokens_of_the_prompt_are_counted() -> None:
    emulator = limited(tpm=3)
    assert await statuses(emulator, "eight ch", "four", "f") == [200, 200, 429]


async def test_a_prompt_that_never_fits_names_no_delay() -> None:
    _, said = await answer(limited(tpm=1), WHOLE, prompt("more than that"))
    assert "retry in" not in said["error"]["message"]
    assert [one["@type"].rpartition(".")[2] for one in said["error"]["details"]] == [
        "Help",
        "QuotaFailure",
    ]


async def test_over_a_stream_it_is_a_status_and_in_the_array_an_element() -> None:
    emulator = limited(rpm=0)
    status, said = await answer(emulator, stream_url(), prompt("x"))
    assert status == 429 and said["error"]["code"] == 429
    array = method_url("streamGenerateContent")
    status, said = await answer(emulator, array, prompt("x"))
    assert status == 429 and said[0]["error"]["code"] == 429 and len(said) == 1


ENDS = [
    ([], "read_all"),
    (["a", Status(code=500)], "read_all"),
    (["a", Cut()], "break"),
    (["a", Stall()], "leave"),
]


@pytest.mark.parametrize(("steps", "how"), ENDS)
async def test_a_running_answer_takes_a_place_until_it_ends_in_any_way(
    steps: list[Any], how: str
) -> None:
    emulator = limited(Rule(prompt="long", steps=[WaitForAck(), *steps]), concurrency=1)
    talk = ask(emulator, stream_url(), prompt("long"))
    for _ in range(20):
        await asyncio.sleep(0)  # until it waits
    assert await statuses(emulator, "other") == [429]
    emulator.ack()
    if how == "read_all":
        await talk.head()
        await talk.read_all()
    elif how == "break":
        await talk.broken()
    else:
        await talk.head()
        await talk.leave()
    assert await statuses(emulator, "other") == [200]


# To a client a whole answer ends where its content-length says, a stream with the last message.
LAST = [(WHOLE, True), (stream_url(), False)]


@pytest.mark.parametrize(("url", "more"), LAST)
async def test_the_place_is_free_before_the_client_can_see_the_end(url: str, more: bool) -> None:
    emulator = limited(concurrency=1)
    seen: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message["more_body"] is more:
            seen.extend(await statuses(emulator, "the next"))

    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": json.dumps(prompt("x")).encode()})
    path, _, query = url.partition("?")
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode()}
    scope["headers"] = [(b"x-goog-api-key", b"k")]
    await emulator(scope, incoming.get, send)
    assert seen == [200]


async def test_one_after_the_other_is_never_one_too_many(tmp_path: Path) -> None:
    script = Script(limits=Limits(concurrency=1))
    emulator = Emulator(script, journal=tmp_path / "journal")
    async with serving(emulator) as url, AsyncClient("k", base_url=url, retry=ONCE) as client:
        for _ in range(5):
            assert (await client.generate("hi")).text == "You said: hi"
            assert (await client.generate_stream("hi").finish()).text == "You said: hi"


async def test_other_methods_cost_nothing() -> None:
    emulator = limited(rpm=1)
    await statuses(emulator, "a")
    assert (await answer(emulator, method_url("countTokens"), prompt("x")))[0] == 200
    assert (await answer(emulator, "/v1beta/models"))[0] == 200


async def test_a_refused_request_is_no_ordinal_of_a_rule() -> None:
    emulator = limited(Rule(request=2, steps=["second"]), rpm=1)
    assert await statuses(emulator, "a", "b") == [200, 429]
    emulator.advance(60)
    _, whole = await answer(emulator, WHOLE, prompt("c"))
    assert text_of([whole]) == "second"


async def test_a_reset_forgets_what_was_used() -> None:
    emulator = limited(rpm=1)
    script = emulator.script
    await statuses(emulator, "a")
    emulator.script = script  # replacing does not
    assert await statuses(emulator, "b") == [429]
    emulator.reset()
    emulator.script = script
    assert await statuses(emulator, "c") == [200]


async def test_our_client_gets_its_typed_error() -> None:
    emulator = limited(rpm=1)
    async with async_client(emulator, retry=ONCE) as client:
        await client.generate("a")
        with pytest.raises(ResourceExhausted) as caught:
            await client.generate("b")
    assert caught.value.retry_delay == 60 and not caught.value.daily


KEYS = [("a", 200), ("b", 200), ("c", 400), ("bad-key", 400), ("", 403)]


@pytest.mark.parametrize(("key", "status"), KEYS)
@pytest.mark.parametrize("where", ["header", "query", "bearer"])
async def test_only_the_listed_keys_are_accepted(key: str, status: int, where: str) -> None:
    emulator = Emulator(Script(keys=Keys(only=["a", "b", "bad-key"])))
    headers = {"x-goog-api-key": key if where == "header" else ""}
    if where == "bearer" and key:
        headers["authorization"] = f"Bearer {key}"
    url = f"{WHOLE}?key={key}" if where == "query" and key else WHOLE
    if where == "bearer" and status == 400:
        status = 401  # a bad token is no bad key
    assert (await answer(emulator, url, prompt("x"), headers=headers))[0] == status


async def test_a_rejected_key_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    emulator = Emulator(Script(keys=Keys(only=["right"])))
    async with async_client(emulator, api_key="very-secret") as client:
        with pytest.raises(Unauthenticated) as caught:
            await client.generate("x")
    _, said = await answer(emulator, f"{WHOLE}?key=very-secret", prompt("x"))
    shown = [repr(caught.value), str(caught.value), json.dumps(said), caplog.text]
    shown.append(repr([entry.plain() for entry in emulator.journal]))
    assert not [text for text in shown if "secret" in text]
    assert said["error"]["details"][0]["reason"] == "API_KEY_INVALID"


# --- the file ---------------------------------------------------------------------------------

TABLES = b"""
[limits]
rpm = 60
tpm = 100000
rpd = 250
concurrency = 2
[[limits.model]]
match = "gemini-2.5-*"
rpm = 0

[keys]
only = ["a", "b"]
"""


def test_limits_and_keys_are_read() -> None:
    models = (ModelLimits(match="gemini-2.5-*", rpm=0),)
    limits = Limits(rpm=60, tpm=100_000, rpd=250, concurrency=2, models=models)
    assert Script.decode(TABLES) == Script([], limits, Keys(only=["a", "b"]))
    assert Script.decode(b"[limits]").limits == Limits()
    assert Script.decode(b"[keys]") == Script.decode(b"") == Script([])


MISTAKES = [
    (b"limits = 3", "limits should be a table"),
    (b"[limits]\nrmp = 3", "limits.rmp .* did you mean 'rpm'"),
    (b"[limits]\nrpm = -3", "limits: .*rpm"),
    (b"[limits]\nrpm = 1.5", "limits: .*int"),
    (
        b"[limits]\nmodel = 3",
        r"limits.model should be an array of tables, written \[\[limits.model",
    ),
    (b"[[limits.model]]\nrpm = 1", r"limits.model\[0\]: .*match"),
    (b"[[limits.model]]\nmatch = '*'\ntmp = 1", r"limits.model\[0\].tmp .*'tpm'"),
    (b"[keys]\nonyl = []", "keys.onyl .* did you mean 'only'"),
    (b"[limit]", "did you mean 'limits'"),
]


@pytest.mark.parametrize(("data", "words"), MISTAKES)
def test_a_mistake_says_where_and_what(data: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Script.decode(data)


@pytest.mark.parametrize("keys", ['"secret"', '["secret", 3]', "[]", '{ secret = "secret" }'])
def test_a_mistake_among_the_keys_shows_none(keys: str) -> None:
    with pytest.raises(ConfigError, match=r"keys\.only must be a list") as caught:
        Script.decode(f"[keys]\nonly = {keys}".encode())
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        Script.decode(b'keys = ["secret"]')
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(Keys(only=["secret"]))
