"""``gemstream limits``: what is used, left and waited for; and looking on while it changes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from cli.program import GEMSTREAM, GUARD, environment, gemstream, started
from cli.test_ask_live import line
from gemstream import AsyncClient, Limits, LimitUse
from gemstream.cli.limit_table import Report, changed, fields, table
from gemstream.cli.limit_watch import keep_looking, look
from gemstream.limits.memory_store import MemoryStore
from support.clock import in_no_time
from support.emulated import async_client, scripted

MODEL = "gemini-2.5-flash"
SETTING = "the tier"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(GEMINI_API_KEY="any", XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))


def use(quota: str, limit: int | None, used: int, **more: object) -> LimitUse:
    left = None if limit is None else limit - used
    fields = {"resets_in": None, "setting": SETTING, **more}
    return LimitUse(model=MODEL, quota=quota, limit=limit, used=used, left=left, **fields)  # type: ignore[arg-type]


USES = [
    use("hold", None, 1, resets_in=30.0, waiting=2, setting="the service"),
    use("rpm", 10, 3, resets_in=41.3, waiting=2),
    use("rpd", 1000, 1, resets_in=25_000.0, waiting=2),
]


def test_the_table() -> None:
    assert table(USES) == [
        "MODEL             LIMIT                 USED  LEFT  WAITING     FREE IN  FROM",
        "gemini-2.5-flash  held back                               2      30.0 s  the service",
        "gemini-2.5-flash  10 requests a minute     3     7        2      41.3 s  the tier",
        "gemini-2.5-flash  1,000 requests a day     1   999        2  6 h 57 min  the tier",
    ]


def test_the_object() -> None:
    report = Report(base_url="u", tier="free", origin="default", store="process", limits=USES[1:2])
    assert fields(report) == {
        "schema": "gemstream.limits/1",
        "base_url": "u",
        "tier": "free",
        "origin": "default",
        "store": "process",
        "limits": [
            {
                "model": MODEL,
                "quota": "rpm",
                "limit": 10,
                "used": 3,
                "left": 7,
                "resets_in": 41.3,
                "waiting": 2,
                "setting": SETTING,
            }
        ],
    }


CHANGES = [
    ([], [], []),
    (USES, USES, []),
    ([use("rpm", 10, 3, resets_in=9.0)], [use("rpm", 10, 3, resets_in=8.0)], []),
    ([use("rpm", 10, 3)], [use("rpm", 10, 4)], [use("rpm", 10, 4)]),
    ([], [use("rpm", 10, 0)], [use("rpm", 10, 0)]),
    ([use("hold", None, 1, resets_in=3.0)], [], [use("hold", None, 0)]),
]


@pytest.mark.parametrize(("before", "now", "told"), CHANGES)
def test_what_has_changed(
    before: list[LimitUse], now: list[LimitUse], told: list[LimitUse]
) -> None:
    assert changed(before, now) == told


# --- looking on ------------------------------------------------------------------------------


def test_models_in_use_come_first_and_the_own_one_always() -> None:
    async def scene() -> list[str]:
        client = async_client(scripted(), tier="free", limit_store=MemoryStore())
        await client.generate("Hi", model="gemini-2.5-pro")
        everything = await look(client, (), "process")
        named = await look(client, ("gemini-2.0-flash",), "process")
        return [
            f"{one.model} {one.used}"
            for one in (*everything.limits, *named.limits)
            if one.quota == "rpm"
        ]

    assert asyncio.run(scene()) == ["gemini-2.5-pro 1", f"{MODEL} 0", "gemini-2.0-flash 0"]


def test_what_happens_meanwhile_is_seen() -> None:
    seen: list[int] = []

    class Enough(Exception):
        pass

    def show(report: Report) -> None:
        seen.append(report.limits[0].used)
        if len(seen) == 3:
            raise Enough

    async def scene(client: AsyncClient) -> None:
        report = await look(client, (MODEL,), "process")
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_looking(client, (MODEL,), report, show))
            await client.generate("Hi")
            await asyncio.sleep(1.5)
            await client.generate("Hi")

    client = async_client(scripted(), limits=Limits(rpm=10), limit_store=MemoryStore())
    with pytest.raises(ExceptionGroup):
        in_no_time(scene(client))
    assert seen == [1, 2, 2]


# --- the program -----------------------------------------------------------------------------


def test_the_own_model_and_its_tier(env: dict[str, str]) -> None:
    result = gemstream("limits", "--json", env=env)
    assert result.code == 0
    told = result.json
    assert (told["schema"], told["tier"], told["origin"]) == (
        "gemstream.limits/1",
        "free",
        "default",
    )
    assert [(one["model"], one["quota"], one["limit"]) for one in told["limits"]] == [
        (MODEL, "rpm", 10),
        (MODEL, "tpm", 250_000),
        (MODEL, "rpd", 250),
        (MODEL, "concurrency", 2),
    ]


def test_models_that_are_named_of_a_tier_that_is(env: dict[str, str]) -> None:
    result = gemstream("limits", "gemini-2.5-pro", "--tier", "Pay-as-you-go", env=env)
    head, *rows = result.out.splitlines()
    assert head.split()[:2] == ["MODEL", "LIMIT"]
    assert rows[0].startswith("gemini-2.5-pro  150 requests a minute")
    assert rows[0].endswith("tier tier1, given")


def test_where_no_limits_are_kept(env: dict[str, str]) -> None:
    result = gemstream("limits", "--base-url", "http://127.0.0.1:1", env=env)
    assert (result.code, result.out) == (0, "")
    assert "no limits are kept at http://127.0.0.1:1; --tier names" in result.err
    told = gemstream("limits", "--base-url", "http://127.0.0.1:1", "--json", env=env).json
    assert (told["tier"], told["limits"]) == (None, [])


@pytest.mark.parametrize("arguments", [["../x"], ["--limit-store", "here"]])
def test_a_mistake_is_told_in_json_too(arguments: list[str], env: dict[str, str]) -> None:
    result = gemstream("limits", "--json", *arguments, env=env)
    assert result.code == 2
    assert result.json["schema"] == "gemstream.limits/1"
    assert arguments[-1] in result.json["error"]["message"]


def test_without_a_key_there_is_no_account() -> None:
    assert gemstream("limits", env=environment()).code == 3


def test_ctrl_c_ends_the_watch_quietly(env: dict[str, str]) -> None:
    with started("limits", "--watch", "--jsonl", env=env) as program:
        assert json.loads(line(program.stdout))["limits"]
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=GUARD)
    assert (program.returncode, out) == (0, b"")
    assert b"Traceback" not in err


def test_a_terminal_is_drawn_anew(env: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*GEMSTREAM, "limits", "--watch"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**env, "TERM": "xterm", "COLUMNS": "60"},
    ) as program:
        os.close(theirs)
        shown = b""
        while b"\x1b[5F\x1b[J" not in shown:
            shown += os.read(ours, 4096)
        program.send_signal(signal.SIGINT)
        assert program.wait(GUARD) == 0
    os.close(ours)
    first = shown.decode().split("\x1b[5F")[0].splitlines()
    assert len(first) == 5
    assert all(len(row) < 60 for row in first)
