"""Keys by operators: minted, they work at once; revoked, they are refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gemstream.policy.key.format import parse_key
from support.administered import Administered, administered
from support.relayed import MODEL, prompt

WHOLE = f"/v1beta/models/{MODEL}:generateContent"


async def _did(office: Administered, method: str, path: str, body: Any = None) -> Any:
    answer = await office.ask(method, path, body)
    assert answer.status in (200, 201), answer.body
    return answer.json()


async def _status(office: Administered, text: str) -> int:
    return (await office.house.ask(WHOLE, prompt(), key=text)).status


async def test_a_minted_key_works_through_the_relay_until_it_is_revoked(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        minted = await _did(office, "POST", "/admin/keys", {"name": "team-b"})
        assert parse_key(minted["text"]) is not None
        assert await _status(office, minted["text"]) == 200
        key = f"/admin/keys/{minted['id']}"
        await _did(office, "POST", f"{key}/disable")
        assert await _status(office, minted["text"]) == 401
        await _did(office, "POST", f"{key}/enable")
        assert await _status(office, minted["text"]) == 200
        await _did(office, "POST", f"{key}/revoke")
        assert await _status(office, minted["text"]) == 401
        assert (await office.ask("POST", f"{key}/enable")).status == 404
        assert (await office.ask("GET", key)).status == 404
        listed = await _did(office, "GET", "/admin/keys")
        everything = await _did(office, "GET", "/admin/keys?revoked=true")
    assert [one["id"] for one in listed["keys"]] == ["team-a"]
    assert [one["id"] for one in everything["keys"]] == ["team-a", minted["id"]]


async def test_a_rotated_key_has_two_texts_for_a_while(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        first = await _did(office, "POST", "/admin/keys", {"name": "team-b"})
        key = f"/admin/keys/{first['id']}"
        second = await _did(office, "POST", f"{key}/rotate")
        assert [await _status(office, one["text"]) for one in (first, second)] == [200, 200]
        third = await _did(office, "POST", f"{key}/rotate", {"grace": 0})
        codes = [await _status(office, one["text"]) for one in (second, third)]
    assert codes == [401, 200]
    assert first["id"] == second["id"] == third["id"]


async def test_an_edit_holds_from_the_next_request_on(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        minted = await _did(office, "POST", "/admin/keys", {"name": "team-b", "budget_day": 1.5})
        key = f"/admin/keys/{minted['id']}"
        edited = await _did(office, "PATCH", key, {"models": ["gemini-9-*"], "name": "renamed"})
        assert await _status(office, minted["text"]) == 403
        assert (edited["name"], edited["budget_day"]) == ("renamed", 1.5)
        back = {"models": [], "budget_day": None, "expires": "2000-01-01T00:00:00Z"}
        edited = await _did(office, "PATCH", key, back)
        assert edited["budget_day"] is None
        assert await _status(office, minted["text"]) == 401
        stale = await office.ask("PATCH", key, {"rpm": 1, "revision": "0123456789abcdef"})
        assert stale.status == 409


async def test_what_is_shown_can_be_sent_back(tmp_path: Path) -> None:
    given = {
        "name": "team-b",
        "models": ["gemini-*"],
        "surfaces": ["openai"],
        "cidrs": ["10.0.0.0/8"],
        "expires": "2030-01-01T00:00:00Z",
        "rpm": 5,
        "concurrency": 2,
        "queue": 3,
        "on_disconnect": "drain",
        "heartbeat": 15.0,
        "budget_month": 10.25,
        "accounts": ["one"],
    }
    async with administered(tmp_path) as office:
        minted = await _did(office, "POST", "/admin/keys", given)
        shown = await _did(office, "GET", f"/admin/keys/{minted['id']}")
        again = {name: shown[name] for name in given}
        edited = await _did(office, "PATCH", f"/admin/keys/{minted['id']}", again)
    assert again == given
    assert edited == shown


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/admin/keys", {"name": "team-a"}, 409),
        ("POST", "/admin/keys", {"name": "team-b"}, 409),
        ("POST", "/admin/keys", {"name": "x", "accounts": ["onne"]}, 400),
        ("POST", "/admin/keys", {"name": "x", "groups": ["none"]}, 400),
        ("PATCH", "/admin/keys/team-a", {"rpm": 1}, 409),
        ("POST", "/admin/keys/team-a/revoke", None, 409),
        ("POST", "/admin/keys/0123456789/rotate", None, 404),
        ("PATCH", "/admin/keys/0123456789", {"rpm": 1}, 404),
    ],
)
async def test_what_is_not_to_be_had_is_refused(
    tmp_path: Path, method: str, path: str, body: Any, code: int
) -> None:
    async with administered(tmp_path) as office:
        await _did(office, "POST", "/admin/keys", {"name": "team-b"})
        answer = await office.ask(method, path, body)
    assert answer.status == code
    assert answer.json()["error"]["code"] == code


async def test_a_text_is_shown_once_and_is_nowhere_afterwards(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        minted = await _did(office, "POST", "/admin/keys", {"name": "team-b"})
        await _did(office, "POST", "/admin/accounts", {"name": "x", "api_key": "canary" * 6})
        await _status(office, minted["text"])
        told = b""
        for path in (
            "/admin/keys",
            "/admin/keys?revoked=true",
            f"/admin/keys/{minted['id']}",
            "/admin/accounts",
            "/admin/audit",
            "/admin/export",
            "/admin/usage",
            "/admin/pool",
            "/readyz",
        ):
            told += (await office.ask("GET", path)).body
    secret = minted["text"].rpartition("_")[2].encode()
    assert secret not in told
    assert b"canary" not in told and b"upstream-key" not in told
    written = _written(tmp_path)
    assert written and not any(secret in data or b"canary" in data for data in written)


def _written(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
