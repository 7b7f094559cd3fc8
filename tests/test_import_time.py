"""What an import brings along, told by the modules it loads and not by a clock."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp",
    "asyncio",
    "google",
    "httptools",
    "httpx",
    "hypothesis",
    "multidict",
    "opentelemetry",
    "pydantic",
    "rich",
    "ssl",
    "typer",
    "urllib3",
    "uvicorn",
    "uvloop",
    "yarl",
}
# What each import may not bring: the package nothing heavy, the pure layers no event loop either.
LIGHT = [
    ("import gemstream", HEAVY | {"msgspec"}),
    ("from gemstream import GemstreamError, Chunk, RetryPolicy, Part, FinishReason", HEAVY),
    ("import gemstream.errors", HEAVY | {"msgspec"}),
    ("import gemstream.audio", HEAVY | {"msgspec"}),
    ("import gemstream.wire.status, gemstream.wire.payload, gemstream.wire.request", HEAVY),
    ("import gemstream.policy.generation, gemstream.policy.unary", HEAVY),
    ("import gemstream.config.options, gemstream.config.models", HEAVY),
    ("import gemstream.credentials.api_key", HEAVY),
    ("from gemstream import AsyncClient, Client", HEAVY - {"asyncio", "ssl"}),
    ("from gemstream import OpenTelemetry", HEAVY),
]


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after ``statement``."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


@pytest.mark.parametrize(("statement", "heavy"), LIGHT)
def test_an_import_brings_nothing_heavy(statement: str, heavy: set[str]) -> None:
    assert loaded_by(statement) & heavy == set()


def test_what_an_import_must_bring_is_seen() -> None:
    assert "msgspec" in loaded_by("import gemstream.wire.codec")
