"""Usage, single requests and exports for operators; reload, secrets and health."""

from __future__ import annotations

import json
from pathlib import Path

from gemstream.config.relay.changes import Changes
from gemstream.config.relay.options import KeyOptions
from gemstream.errors import ConfigError
from support.administered import administered
from support.relayed import MODEL, RELAY_KEY, prompt

WHOLE = f"/v1beta/models/{MODEL}:generateContent"
OTHER = "a-key-of-team-b-for-tests-only"
TEAMS = (KeyOptions(name="team-a", key=RELAY_KEY), KeyOptions(name="team-b", key=OTHER))


async def test_usage_by_everything(tmp_path: Path) -> None:
    async with administered(tmp_path, keys=TEAMS) as office:
        for key in (RELAY_KEY, OTHER, OTHER):
            await office.house.ask(WHOLE, prompt(), key=key)
        await office.house.relay.flush()
        names = {}
        for by in ("key", "model", "account", "day"):
            report = (await office.ask("GET", f"/admin/usage?by={by}")).json()
            names[by] = {row["name"]: row["requests"] for row in report["rows"]}
            assert report["total"]["requests"] == 3
        chosen = (await office.ask("GET", "/admin/usage?by=model&key=team-b")).json()
        table = await office.ask("GET", "/admin/usage?format=csv")
        never = (await office.ask("GET", "/admin/usage?until=2000-01-01")).json()
    assert names["key"] == {"team-a": 1, "team-b": 2}
    assert names["model"] == {MODEL: 3}
    assert names["account"] == {"one": 3}
    assert list(names["day"].values()) == [3]
    assert chosen["total"]["requests"] == 2
    assert table.headers["content-type"].startswith("text/csv")
    assert [line.split(b",")[0] for line in table.body.splitlines()] == [
        b"name",
        b"team-b",
        b"team-a",
    ]
    assert never["rows"] == []


async def test_one_request_and_the_export_tell_every_attempt(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        ids = [(await office.house.ask(WHOLE, prompt())).headers["x-request-id"] for _ in range(3)]
        await office.house.relay.flush()
        one = (await office.ask("GET", f"/admin/requests/{ids[1]}")).json()
        lines = (await office.ask("GET", "/admin/export")).body.splitlines()
        nobodys = await office.ask("GET", "/admin/requests/req_0")
        empty = await office.ask("GET", "/admin/export?until=2000-01-01")
    assert [attempt["account"] for attempt in one["attempts"]] == ["one"]
    assert [json.loads(line)["request_id"] for line in lines] == ids
    assert nobodys.status == 404
    assert (empty.status, empty.body) == (200, b"")


async def test_a_reload_tells_what_changed_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    outcomes = [ConfigError("relay.toml:1: one\nrelay.toml:2: two"), None]

    async def reload() -> Changes:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        options = office.house.relay.parts.configured
        return Changes(applied=options, live=("keys a is new",), restart=("server.port",))

    async with administered(tmp_path, reload=reload) as office:
        bad = await office.ask("POST", "/admin/reload")
        good = await office.ask("POST", "/admin/reload")
        entries = (await office.ask("GET", "/admin/audit")).json()["entries"]
    assert bad.status == 400
    assert bad.json()["error"]["problems"] == ["relay.toml:1: one", "relay.toml:2: two"]
    assert good.json() == {"live": ["keys a is new"], "restart": ["server.port"]}
    assert [entry["action"] for entry in entries] == ["reload"]


async def test_health_is_told_check_by_check(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        ready = await office.ask("GET", "/readyz")
        office.house.relay.begin_drain()
        draining = await office.ask("GET", "/readyz")
        alive = await office.ask("GET", "/livez")
        begun = await office.ask("GET", "/startupz")
    assert (ready.status, draining.status) == (200, 503)
    failed = [check["name"] for check in draining.json()["checks"] if not check["is_well"]]
    assert failed == ["draining"]
    assert (alive.status, begun.status) == (200, 200)


async def test_a_relay_whose_accounts_are_all_off_is_alive_and_not_ready(tmp_path: Path) -> None:
    async with administered(tmp_path, accounts={"one": {"is_enabled": False}}) as office:
        ready = await office.ask("GET", "/readyz")
        assert (await office.ask("GET", "/livez")).status == 200
    assert ready.status == 503
    assert [check["name"] for check in ready.json()["checks"] if not check["is_well"]] == [
        "accounts"
    ]


async def test_metrics_are_those_of_the_relay(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        answer = await office.ask("GET", "/metrics")
        office.admin.desk.metrics = None
        assert (await office.ask("GET", "/metrics")).status == 501
    assert answer.status == 200
    assert b"gemstream_relay_build_info{" in answer.body


async def test_secrets_are_sealed_anew_and_keys_of_old_told(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        await office.ask("POST", "/admin/accounts", {"name": "x", "api_key": "any-key"})
        await office.ask("POST", "/admin/keys", {"name": "k"})
        told = (await office.ask("POST", "/admin/secrets/rotate")).json()
    assert told == {"version": 1, "rewrapped": 0, "older_keys": []}
