"""Secrets planted in everything that comes in: none comes out where it does not belong.

What the caller wrote goes to the service and what the service wrote to the caller; logs, metrics,
spans and the relay's own words have neither.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import Cut, Status
from gemstream.relay.observer import Observers
from gemstream.relay.telemetry.spans import Spans
from support.log_lines import log_lines
from support.relayed import MODEL, Answered, Relayed, prompt, relayed

KEY = "planted-key-of-the-caller-0001"
OTHER = "planted-key-of-nobody-at-all-02"
ACCOUNT = "upstream-key-of-one"  # as the relay of the tests has it
STREAM = "/v1beta/models/{}:streamGenerateContent?alt=sse&x=planted-query-0004"
WHOLE = "/v1beta/models/{}:generateContent"
HEADERS = {
    "user-agent": "planted-agent-0005",
    "x-forwarded-for": "planted-forwarded-0006",
    "referer": "http://planted-referer-0007/?key=planted-referer-key-0008",
    "cookie": "planted-cookie-0009",
    "x-goog-user-project": "planted-project-0010",
    "x-session-id": "planted-session-0011",
    "traceparent": "planted-traceparent-0012",
    "x-request-id": "planted-request-0013",
}
BODY = prompt(
    "planted-prompt-0014",
    systemInstruction={"parts": [{"text": "planted-system-0015"}]},
    labels={"planted-label-0016": "planted-value-0017"},
)
CHAT = {
    "model": "planted-model-0018",
    "messages": [{"role": "user", "content": "planted-message-0019"}],
    "user": "planted-user-0020",
}
PLANTED = "planted-"
# A field's value that is wrong is quoted to who sent it, and to nobody else.
QUOTED = ("planted-number-0026", "planted-max-0027")


async def _everything(house: Relayed) -> list[Answered]:
    """Ask in every way that the relay itself refuses, and in those that are answered."""
    told: dict[str, Any] = {"headers": HEADERS, "key": KEY}
    await house.ask(WHOLE.format(MODEL), BODY, **told)
    await house.ask(STREAM.format(MODEL), BODY, **told)
    for _ in range(3):  # the service's words for its faults go to the caller as they are
        await house.ask(WHOLE.format("planted-model-0018"), BODY, **told)
    return [
        await house.ask(WHOLE.format(MODEL), b'{"planted-broken-0021"', **told),
        await house.ask(WHOLE.format(MODEL), BODY, headers=HEADERS, key=OTHER),
        await house.ask(WHOLE.format(MODEL), BODY, headers=HEADERS, key=None),
        await house.ask(f"{WHOLE.format(MODEL)}?key={OTHER}", BODY, headers=HEADERS, key=KEY),
        await house.ask("/planted-path-0022?key=planted-query-key-0023", BODY, **told),
        await house.ask("/v1beta/..%2fplanted-trick-0024", BODY, **told),
        await house.ask(WHOLE.format(MODEL), prompt("planted-long-0025" * 300), **told),
        await house.ask("/v1/chat/completions", CHAT | {"n": "planted-number-0026"}, **told),
        await house.ask("/v1/messages", CHAT | {"max_tokens": "planted-max-0027"}, **told),
    ]


async def test_planted_secrets_are_in_no_line_no_series_no_span_and_no_refusal(
    tmp_path: Path,
) -> None:
    script = Script(
        [
            Rule(request=2, steps=["one ", Cut()]),
            Rule(request=3, steps=[Status(code=500, message="planted-upstream-0028")]),
            Rule(request=4, steps=[Status(code=403, message=f"planted-upstream-0029 {ACCOUNT}")]),
            Rule(steps=["planted-answer-0030"]),
        ]
    )
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with log_lines() as log:
        logging.getLogger("gemstream.relay").setLevel(logging.DEBUG)
        async with relayed(
            tmp_path,
            Emulator(script),
            keys=(KeyOptions(name="team-a", key=KEY),),
            server=ServerOptions(metrics=True, max_body=4096),
        ) as house:
            telemetry = house.relay.telemetry
            assert telemetry is not None
            spans = Spans(telemetry.models, provider)
            house.relay.parts.observer = Observers([telemetry.observer, spans])
            refusals = await _everything(house)
            house.relay.parts.pool.reset("one")
            house.relay.parts.accounts = {}
            refusals.append(await house.ask(WHOLE.format(MODEL), BODY, headers=HEADERS, key=KEY))
            metrics = (await house.ask("/metrics", key=None)).body.decode()
    assert all(answer.status >= 400 for answer in refusals)
    told = {
        "log": "\n".join(log.lines),
        "metrics": metrics,
        "spans": "\n".join(span.to_json() for span in kept.get_finished_spans()),
        "refusals": "\n".join(answer.body.decode() for answer in refusals),
        "heads": "\n".join(str(answer.headers) for answer in refusals),
    }
    for value in QUOTED:
        told["refusals"] = told["refusals"].replace(value, "")
    assert len(kept.get_finished_spans()) > 15 and len(log.lines) >= 15
    for where, text in told.items():
        for secret in (PLANTED, ACCOUNT):
            found = text.find(secret)
            assert found < 0, f"{where}: {text[max(0, found - 100) : found + 60]}"
