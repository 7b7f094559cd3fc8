"""The same calls by the official SDK under OpenTelemetry's instrumentation, and by us.

Both ask the same emulator; span for span they say the same, but for the differences listed here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from gemstream import AsyncClient, GemstreamError
from gemstream.emulator import Chunk, Emulator, Rule, Script, Status, serving
from support.service import AT_ONCE, KEY
from telemetry.exported import Exported, plain_span

OFFICIAL = Path(__file__).with_name("official.py")
FLASH, LITE, PRO = "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"
SETTINGS = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "seed": 4,
    "max_output_tokens": 50,
    "stop_sequences": ["x"],
    "candidate_count": 2,
    "response_mime_type": "application/json",
}
CALLS: list[dict[str, Any]] = [
    {"method": "generate", "model": FLASH},
    {"method": "stream", "model": FLASH},
    {"method": "generate", "model": FLASH, "config": SETTINGS},
    {"method": "stream", "model": LITE},  # cached, thinking, several modalities
    {"method": "generate", "model": PRO},  # refused
    {"method": "embed", "model": "gemini-embedding-001"},
]
RICH = {
    "candidates": [
        {"content": {"parts": [{"text": "1"}], "role": "model"}, "finishReason": "MAX_TOKENS"}
    ],
    "modelVersion": LITE,
    "responseId": "r-1",
    "usageMetadata": {
        "promptTokenCount": 300,
        "candidatesTokenCount": 40,
        "thoughtsTokenCount": 60,
        "cachedContentTokenCount": 100,
        "totalTokenCount": 400,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 50},
            {"modality": "IMAGE", "tokenCount": 250},
        ],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 40}],
        "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 100}],
    },
}
SCRIPT = Script([Rule(model=LITE, steps=[Chunk(RICH)]), Rule(model=PRO, steps=[Status(code=400)])])

# They say "gemini" where the conventions say "gcp.gemini", and measure embeddings.
THEIRS = ("gen_ai.provider.name", "gen_ai.embeddings.dimension.count")
# The conventions ask for a port beside an address; how it went has no name there.
OURS = ("gen_ai.provider.name", "server.port")
# Different in every call.
CHANCE = ("gen_ai.response.id", "gen_ai.response.time_to_first_chunk")


async def official_spans(url: str) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(OFFICIAL),
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate(json.dumps(CALLS).encode())
    assert process.returncode == 0
    return [told(span, THEIRS) for span in json.loads(said)]


async def our_spans(url: str) -> list[dict[str, Any]]:
    exported = Exported()
    async with AsyncClient(KEY, base_url=url, retry=AT_ONCE, on_event=exported.hook()) as client:
        for call in CALLS:
            with suppress(GemstreamError):  # the span tells it
                await make(client, **call)
    spans = [plain_span(span) | {"status": span.status.status_code.name} for span in exported.spans]
    return [told(span, OURS) for span in spans]


async def make(
    client: AsyncClient, method: str, model: str, config: dict[str, Any] | None = None
) -> None:
    if method == "embed":
        await client.embed("Count to 3", model=model)
    elif method == "stream":
        await client.generate_stream("Count to 3", model=model, **(config or {})).finish()
    else:
        await client.generate("Count to 3", model=model, **(config or {}))


def told(span: dict[str, Any], apart: tuple[str, ...]) -> dict[str, Any]:
    """A span without what is known to differ; lists, tuples and whole floats as JSON has them."""
    attributes = {
        name: value
        for name, value in span["attributes"].items()
        if name not in (*apart, *CHANCE) and not name.startswith("gemstream.")
    }
    return json.loads(
        json.dumps({**{key: span[key] for key in ("name", "kind", "status")}, **attributes})
    )


async def test_our_spans_say_what_the_official_ones_say() -> None:
    async with serving(Emulator(SCRIPT)) as url:
        official = await official_spans(url)
        ours = await our_spans(url)
    assert ours == official
    names = [span["name"] for span in ours]
    assert names == [
        "generate_content gemini-2.5-flash",
        "generate_content gemini-2.5-flash",
        "generate_content gemini-2.5-flash",
        "generate_content gemini-2.5-flash-lite",
        "generate_content gemini-2.5-pro",
        "embeddings gemini-embedding-001",
    ]
    rich = {name: count for name, count in ours[3].items() if name.startswith("gen_ai.usage.")}
    assert rich == {
        "gen_ai.usage.input_tokens": 300,
        "gen_ai.usage.output_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 60,
        "gen_ai.usage.text.input_tokens": 50,
        "gen_ai.usage.image.input_tokens": 250,
        "gen_ai.usage.text.output_tokens": 40,
        "gen_ai.usage.image.cache_read.input_tokens": 100,
    }
    assert [span["status"] for span in ours] == ["UNSET"] * 4 + ["ERROR", "UNSET"]
