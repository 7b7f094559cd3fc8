"""A caller's own key and usage: the owner sees them, nobody else, on every surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gemstream.config.relay.options import KeyOptions
from support.relayed import MODEL, RELAY_KEY, Relayed, prompt, relayed

OTHER = "a-key-of-team-b-for-tests-only"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
TEAMS = (KeyOptions(name="team-a", key=RELAY_KEY), KeyOptions(name="team-b", key=OTHER))
PREFIXES = (
    "",
    "/v1",
    "/v1beta",
    "/gemini",
    "/gemini/v1",
    "/gemini/v1beta",
    "/openai",
    "/openai/v1",
    "/openai/gemini/v1",
    "/v1beta/openai",
    "/claude",
    "/claude/v1",
    "/anthropic/v1",
    "/api/v1",
)


async def _asked(house: Relayed, **options: Any) -> str:
    answer = await house.ask(WHOLE, prompt(), **options)
    assert answer.status == 200
    await house.relay.flush()
    return answer.headers["x-request-id"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_every_prefix_has_them(tmp_path: Path, prefix: str) -> None:
    async with relayed(tmp_path, keys=TEAMS) as house:
        request_id = await _asked(house)
        info = await house.ask(f"{prefix}/key-info")
        usage = await house.ask(f"{prefix}/usage")
        request = await house.ask(f"{prefix}/usage/{request_id}")
    assert info.json()["id"] == "team-a"
    assert usage.json()["total"]["requests"] == 1
    assert [one["status"] for one in request.json()["attempts"]] == ["ok"]


OWN_PATHS = ("/key-info", "/usage", "/usage/{id}", "/openai/v1/usage/{id}", "/claude/v1/usage/{id}")


@pytest.mark.parametrize("path", OWN_PATHS)
async def test_the_tenants(tmp_path: Path, path: str) -> None:
    """Owner 200, another tenant's 404, no key 401, revoked 401, wrong scope 403."""
    async with relayed(tmp_path, keys=TEAMS) as house:
        store = house.relay.parts.key_store
        minted = await store.mint(KeyOptions(name="minted"), actor="a test")
        narrow = await store.mint(KeyOptions(name="narrow", cidrs=("10.0.0.0/8",)), actor="a test")
        await house.relay.parts.refresh()
        here = path.format(id=await _asked(house, key=minted.text))
        assert (await house.ask(here, key=minted.text)).status == 200
        other = await house.ask(here, key=OTHER)
        if "{id}" in path:
            assert other.status == 404
        else:
            assert minted.id.encode() not in other.body
        assert (await house.ask(here, key=None)).status == 401
        assert (await house.ask(here, key=narrow.text)).status == 403
        await store.revoke(minted.id, actor="a test")
        await house.relay.parts.refresh()
        assert (await house.ask(here, key=minted.text)).status == 401


@pytest.mark.parametrize("prefix", ["", "/v1", "/gemini", "/openai/v1", "/claude"])
async def test_a_key_of_one_surface_reads_its_own_on_every_path(
    tmp_path: Path, prefix: str
) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, surfaces=("openai",))]
    async with relayed(tmp_path, keys=keys) as house:
        assert (await house.ask(f"{prefix}/key-info")).status == 200
        assert (await house.ask(f"{prefix}/usage")).status == 200
        assert (await house.ask(WHOLE, prompt())).status == 403


async def test_another_tenants_request_and_one_that_never_was_are_told_alike(
    tmp_path: Path,
) -> None:
    async with relayed(tmp_path, keys=TEAMS) as house:
        theirs = await house.ask(f"/usage/{await _asked(house)}", key=OTHER)
        nobodys = await house.ask("/usage/req_000000000000000000000000", key=OTHER)
    assert theirs.status == nobodys.status == 404
    assert theirs.body == nobodys.body


async def test_usage_counts_the_own_key_alone_and_names_no_account(tmp_path: Path) -> None:
    async with relayed(tmp_path, keys=TEAMS) as house:
        request_id = await _asked(house)
        await _asked(house, key=OTHER)
        usage = await house.ask("/usage?by=model")
        request = await house.ask(f"/usage/{request_id}")
    assert [(row["name"], row["requests"]) for row in usage.json()["rows"]] == [(MODEL, 1)]
    (attempt,) = request.json()["attempts"]
    assert attempt["cost"] > 0
    assert not {"account", "replica", "key_id", "error", "upstream_id"} & attempt.keys()


@pytest.mark.parametrize(
    "query",
    ["by=account", "by=key", "since=yesterday", "since=2026-01-01&since=2026-01-02", "tenant=b"],
)
async def test_what_cannot_be_asked_is_refused_in_the_dialect(tmp_path: Path, query: str) -> None:
    async with relayed(tmp_path, keys=TEAMS) as house:
        gemini = await house.ask(f"/usage?{query}")
        openai = await house.ask(f"/openai/usage?{query}")
        claude = await house.ask(f"/claude/usage?{query}")
    assert [answer.status for answer in (gemini, openai, claude)] == [400] * 3
    assert gemini.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert openai.json()["error"]["type"] == "invalid_request_error"
    assert claude.json()["type"] == "error"


async def test_the_key_may_stand_in_the_query(tmp_path: Path) -> None:
    async with relayed(tmp_path, keys=TEAMS) as house:
        answer = await house.ask(f"/usage?key={RELAY_KEY}&by=day", key=None)
    assert answer.status == 200
