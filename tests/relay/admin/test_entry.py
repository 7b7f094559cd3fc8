"""Nobody gets to any of the operators' routes without their token, however it is tried."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gemstream.config.relay.options import AdminOptions
from gemstream.relay.admin.route import ROWS, matched, methods_of
from support.administered import TOKEN, administered
from support.relayed import RELAY_KEY

ROUTES = [(row.method, row.path.replace("{name}", "one").replace("{id}", "one")) for row in ROWS]
ROUTES += [("GET", "/openapi.json"), ("GET", "/"), ("GET", "/nowhere"), ("TRACE", "/admin/keys")]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda value: str(value))
async def test_every_route_is_401_but_for_the_token(tmp_path: Path, method: str, path: str) -> None:
    async with administered(tmp_path) as office:
        wrong: list[tuple[str | None, dict[str, str]]] = [
            (None, {}),
            ("wrong" * 8, {}),
            (RELAY_KEY, {}),
            (TOKEN[:-1], {}),
            (TOKEN + "x", {}),
            ("", {}),
            (None, {"authorization": f"Basic {TOKEN}"}),
            (None, {"authorization": TOKEN}),
            (None, {"x-goog-api-key": TOKEN}),
            (None, {"x-api-key": TOKEN}),
            (None, {"x-goog-api-key": RELAY_KEY}),
            (None, {"cookie": f"token={TOKEN}"}),
        ]
        bodies = set()
        for token, headers in wrong:
            answer = await office.ask(method, path, token=token, headers=headers)
            assert answer.status == 401, (token, headers)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            bodies.add(answer.body)
        assert (await office.ask(method, f"{path}?key={TOKEN}", token=None)).status == 401
        assert len(bodies) == 1, "nothing tells one wrong token from another"
        assert (await office.ask(method, path)).status != 401


@pytest.mark.parametrize("host", ["a/?x=", "admin/livez#", "127.0.0.1", "evil.example"])
async def test_no_host_header_opens_a_path(tmp_path: Path, host: str) -> None:
    """CVE-2026-48710 and CVE-2026-49468: the path that is judged is the one on the wire."""
    async with administered(tmp_path) as office:
        answer = await office.ask("GET", "/admin/keys", token=None, headers={"host": host})
    assert answer.status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/admin/keys/",
        "//admin/keys",
        "/admin/./keys",
        "/admin/../admin/keys",
        "/admin%2fkeys",
        "/admin/keys%00",
        "/ADMIN/keys",
        "/admin/accounts/..",
        "/admin/accounts/%2e%2e",
        "/livez/../admin/keys",
    ],
)
async def test_a_path_that_is_not_a_row_to_the_letter_is_404(tmp_path: Path, path: str) -> None:
    async with administered(tmp_path) as office:
        assert (await office.ask("GET", path)).status == 404


async def test_another_method_is_405_and_told(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        answer = await office.ask("PUT", "/admin/accounts/one")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, PATCH, DELETE"


async def test_the_operators_token_is_no_callers_key(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        assert (await office.house.ask("/key-info", key=TOKEN)).status == 401
        assert (await office.house.ask("/admin/keys", key=RELAY_KEY)).status == 404


async def test_without_a_token_in_the_options_nobody_gets_in(tmp_path: Path) -> None:
    async with administered(tmp_path, admin=AdminOptions()) as office:
        for token in (None, "", "None", TOKEN):
            assert (await office.ask("GET", "/admin/keys", token=token)).status == 401


async def test_a_flood_of_wrong_tokens_waits_and_keeps_no_operator_out(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        codes = [(await office.ask("GET", "/livez", token="wrong")).status for _ in range(40)]
        assert codes[0] == 401 and codes[-1] == 429
        assert (await office.ask("GET", "/livez")).status == 200


async def test_another_token_holds_from_the_reload_on(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        parts = office.house.relay.parts
        other = "another-token-of-operators-for-tests"
        changed = msgspec.structs.replace(parts.configured, admin=AdminOptions(token=other))
        parts.reconfigure(changed)
        assert (await office.ask("GET", "/livez")).status == 401
        assert (await office.ask("GET", "/livez", token=other)).status == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nope=1", "does not exist"),
        ("by=tenant", "must be one of"),
        ("by=key&by=day", "twice"),
        ("since=2026-1-1", "a day of UTC"),
        ("since=2026-W01-1", "a day of UTC"),
        ("model=%00", "one line"),
        ("model=", "one line"),
    ],
)
async def test_a_query_that_is_not_known_is_refused(tmp_path: Path, query: str, said: str) -> None:
    async with administered(tmp_path) as office:
        answer = await office.ask("GET", f"/admin/usage?{query}")
    assert answer.status == 400
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name":"k","key":"a-chosen-key-of-24-characters"}',
        b'{"name":"k","id":"0123456789"}',
        b'{"name":"k","rpm":-1}',
        b'{"name":"k","rpm":true}',
        b'{"name":"k","surfaces":["soap"]}',
        b'{"name":"k","expires":"2030-01-01T00:00:00"}',
        b'{"name":"../k"}',
        b'{"name":"k","budget_day":NaN}',
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_a_body_that_cannot_be_used_is_refused(tmp_path: Path, body: bytes) -> None:
    async with administered(tmp_path) as office:
        assert (await office.ask("POST", "/admin/keys", body)).status == 400


async def test_a_body_is_bounded_and_comes_only_where_one_is_taken(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        large = b'{"name":"' + b"x" * (1 << 20) + b'"}'
        assert (await office.ask("POST", "/admin/keys", large)).status == 413
        assert (await office.ask("POST", "/admin/secrets/rotate", {})).status == 400


async def test_who_acts_is_named_in_the_audit(tmp_path: Path) -> None:
    async with administered(tmp_path) as office:
        named = {"x-gemstream-actor": "alice"}
        assert (await office.ask("POST", "/admin/accounts/one/reset", headers=named)).status == 200
        bad = {"x-gemstream-actor": "a" * 65}
        answer = await office.ask("POST", "/admin/accounts/one/reset", headers=bad)
        assert answer.status == 400
        (entry,) = (await office.ask("GET", "/admin/audit")).json()["entries"]
    assert entry["actor"].startswith("alice at ")
    assert (entry["action"], entry["subject"]) == ("reset", "account one")
    assert entry["is_genuine"] is True


def test_rows_are_found_by_method_and_raw_path() -> None:
    found = matched("POST", "/admin/keys/0123456789/rotate")
    assert found is not None and found[1] == {"id": "0123456789"}
    assert matched("GET", "/admin/keys/0123456789/rotate") is None
    assert methods_of("/admin/keys") == ("GET", "POST")
    assert methods_of("/admin") == ()
