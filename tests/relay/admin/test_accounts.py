"""Accounts by operators: made, changed, tested, reset, and served from at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.limits import Keys
from gemstream.emulator.scripts.faults import Status
from support.administered import Administered, administered
from support.relayed import MODEL, prompt

SECRET = "AIzaSyTheKeyOfAnAccountThatNobodySees00"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
EXTRA = {"name": "extra", "api_key": SECRET, "base_url": "http://one", "priority": 1}


async def _did(office: Administered, method: str, path: str, body: Any = None) -> Any:
    answer = await office.ask(method, path, body)
    assert answer.status in (200, 201), answer.body
    assert SECRET.encode() not in answer.body
    return answer.json()


async def test_an_account_that_was_made_is_asked_at_once(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        made = await _did(office, "POST", "/admin/accounts", EXTRA)
        assert (await office.house.ask(WHOLE, prompt())).status == 200
        assert [row["account"] for row in await office.house.rows()] == ["extra"]
        shown = await _did(office, "GET", "/admin/accounts/extra")
        listed = await _did(office, "GET", "/admin/accounts")
    assert (made["source"], made["priority"], made["name"]) == ("database", 1, "extra")
    assert [one["name"] for one in listed["accounts"]] == ["one", "extra"]
    assert shown["standing"][0]["state"] == "open"
    assert "api_key" not in made


async def test_an_edit_changes_what_is_named_and_null_is_the_default(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        await _did(office, "POST", "/admin/accounts", {**EXTRA, "rpm": 5, "groups": ["a"]})
        edited = await _did(office, "PATCH", "/admin/accounts/extra", {"rpm": None, "tpm": 9})
        assert (edited["rpm"], edited["tpm"], edited["groups"]) == (None, 9, ["a"])
        stale = {"rpm": 1, "revision": "0123456789abcdef"}
        answer = await office.ask("PATCH", "/admin/accounts/extra", stale)
        assert answer.status == 409
        assert (await office.house.ask(WHOLE, prompt())).status == 200


async def test_a_disabled_account_is_not_asked_and_an_enabled_one_is(tmp_path: Path) -> None:
    async with administered(tmp_path, accounts={"one": {"is_enabled": False}}) as office:
        await _did(office, "POST", "/admin/accounts", EXTRA)
        await _did(office, "POST", "/admin/accounts/extra/disable")
        assert (await office.house.ask(WHOLE, prompt())).status == 503
        await _did(office, "POST", "/admin/accounts/extra/enable")
        assert (await office.house.ask(WHOLE, prompt())).status == 200
        await _did(office, "DELETE", "/admin/accounts/extra")
        assert (await office.house.ask(WHOLE, prompt())).status == 503
        assert (await office.ask("GET", "/admin/accounts/extra")).status == 404


async def test_what_stands_in_the_file_is_changed_there(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        for method, path, body in (
            ("PATCH", "/admin/accounts/one", {"rpm": 1}),
            ("DELETE", "/admin/accounts/one", None),
            ("POST", "/admin/accounts/one/disable", None),
            ("POST", "/admin/accounts", {**EXTRA, "name": "one"}),
        ):
            assert (await office.ask(method, path, body)).status == 409
        twice = await office.ask("POST", "/admin/accounts", {**EXTRA, "name": "two"})
        assert twice.status == 201
        again = await office.ask("POST", "/admin/accounts", {**EXTRA, "name": "two"})
        assert again.status == 409
        assert (await office.ask("POST", "/admin/accounts/nobody/reset")).status == 404


async def test_what_cannot_be_an_account_is_refused_without_its_key(tmp_path: Path) -> None:
    bad = [
        {"kind": "gemmini"},
        {"base_url": "ftp://one"},
        {"base_url": "http://user:pass@one"},
        {"api_key": f"{SECRET} with spaces"},
        {"api_key": f"auth_tokens/{SECRET}"},
        {"models": ["../.."]},
        {"groups": ["a", "a"]},
    ]
    async with administered(tmp_path) as office:
        for fields in bad:
            answer = await office.ask("POST", "/admin/accounts", {**EXTRA, **fields})
            assert answer.status == 400, fields
            assert SECRET.encode() not in answer.body and b"pass@" not in answer.body
        assert [one["name"] for one in (await _did(office, "GET", "/admin/accounts"))["accounts"]]


async def test_a_test_asks_the_service_and_tells_its_verdict(tmp_path: Path) -> None:
    script = Script(keys=Keys(only=("upstream-key-of-one",)))
    async with administered(tmp_path, Emulator(script)) as office:
        good = await _did(office, "POST", "/admin/accounts/one/test")
        counted = await _did(office, "POST", "/admin/accounts/one/test", {"model": MODEL})
        await _did(office, "POST", "/admin/accounts", EXTRA)
        bad = await _did(office, "POST", "/admin/accounts/extra/test")
        rows = await office.house.rows()
    assert (good["asked"], good["is_ok"], good["status"]) == ("models.list", True, 200)
    assert (counted["asked"], counted["is_ok"]) == ("countTokens", True)
    assert not bad["is_ok"] and bad["status"] in (400, 401, 403) and bad["error"]
    assert rows == [], "a test is no request of a caller"


async def test_a_reset_lets_a_refused_account_be_asked_again(tmp_path: Path) -> None:
    script = Script([Rule(request=1, steps=[Status(code=401)])])
    async with administered(tmp_path, Emulator(script)) as office:
        assert (await office.house.ask(WHOLE, prompt())).status >= 400
        standing = (await _did(office, "GET", "/admin/pool"))["pool"]["accounts"]
        assert {one["state"] for one in standing} - {"open"}
        await _did(office, "POST", "/admin/accounts/one/reset")
        standing = (await _did(office, "GET", "/admin/pool"))["pool"]["accounts"]
        assert {one["state"] for one in standing} == {"open"}
        assert (await office.house.ask(WHOLE, prompt())).status == 200
