"""The scenarios against the emulator always, and against the real service under `make test-real`.

The real service costs its owner quota, so a run makes a bounded number of requests, each tried
once. GEMSTREAM_REAL_MODEL names the model to ask in place of the default one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from gemstream import AsyncClient, RetryPolicy
from gemstream.emulator import Emulator, serving
from real.scenarios import MOST_CALLS, SCENARIOS
from support.emulated import async_client
from support.page_runner import page_environment
from support.sources import REPOSITORY

_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_emulator_plays_the_scenario(name: str) -> None:
    emulator = Emulator()
    await SCENARIOS[name].play(lambda **options: async_client(emulator, **options))
    await emulator.idle()
    assert len(emulator.journal) == SCENARIOS[name].calls


@pytest.mark.real
@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_real_service_plays_the_scenario(name: str) -> None:
    await SCENARIOS[name].play(_real_client)


def _real_client(**options: Any) -> AsyncClient:
    model = os.environ.get("GEMSTREAM_REAL_MODEL") or None
    return AsyncClient(retry=RetryPolicy(attempts=1), model=model, **options)


# --- the run itself --------------------------------------------------------------------------


def test_a_run_costs_at_most_so_many_requests() -> None:
    assert sum(scenario.calls for scenario in SCENARIOS.values()) <= MOST_CALLS


async def test_the_real_run_asks_where_the_environment_says(tmp_path: Any) -> None:
    emulator = Emulator()
    command = [sys.executable, "-m", "pytest", "-q", "-m", "real", "-p", "no:cacheprovider"]
    async with serving(emulator) as url:
        environment = page_environment(os.environ, tmp_path, url)
        run = await asyncio.create_subprocess_exec(
            *command,
            "tests/real",
            cwd=REPOSITORY,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await run.communicate()
        await emulator.idle()
    assert run.returncode == 0, said.decode()
    assert f"{len(SCENARIOS)} passed" in said.decode()
    assert len(emulator.journal) == sum(scenario.calls for scenario in SCENARIOS.values())


@pytest.mark.skipif(shutil.which("make") is None, reason="make: command not found")
def test_without_a_key_nothing_runs() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in _KEYS}
    # What tells a make that it runs inside another one.
    environment = {name: value for name, value in environment.items() if "MAKE" not in name}
    run = subprocess.run(
        ["make", "test-real"], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "set GEMINI_API_KEY" in run.stderr
    assert "pytest" not in run.stdout + run.stderr
