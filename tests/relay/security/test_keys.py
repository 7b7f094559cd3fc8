"""Keys from the outside: who comes in, what the others hear, and where a key is never found."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator
from gemstream.policy.key.format import mint
from gemstream.relay.keys.book import Credential, KeyBook
from gemstream.relay.keys.hasher import KeyHasher
from gemstream.relay.keys.key import Key
from relay.security.door import SURFACES, a_request, body_of, door, on_disk
from support.relay_keys import MASTER
from support.relayed import RELAY_KEY, Watched, relayed

TARGET = SURFACES["gemini"]
BODY = b'{"contents":[{"role":"user","parts":[{"text":"a"}]}]}'

# CVE-2026-42208 and its like: what was once put into a statement, a template, a shell or a log.
HOSTILE = (
    "' OR 1=1 --",
    "x' OR (SELECT pg_sleep(8)) IS NOT NULL --",
    "'; DROP TABLE attempts; --",
    "\\'; SELECT 1",
    '" OR ""="',
    "%' OR '%'='",
    "%_%_%_%_%",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "${jndi:ldap://evil.test/a}",
    "{{7*7}}",
    "{{''.__class__}}",
    "%s%n%x",
    "$(id)",
    "`id`",
    "| id",
    "../../etc/passwd",
    "\x1b[2J\x1b]0;a\x07",
    "é\xff",
    "null",
    "undefined",
    "[object Object]",
    "gk_live_0000000000_" + "a" * 43 + "000000",
    "gk_live_" + "'" * 60,
    "A" * 512,
    "A" * 513,
    "A" * 8_000,
)
WAYS = ("Authorization: Bearer {}", "X-Goog-Api-Key: {}", "X-Api-Key: {}", "Authorization: {}")


@pytest.mark.parametrize("way", WAYS)
async def test_no_hostile_key_opens_or_shows_more_than_a_wrong_one(
    way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        for surface, target in SURFACES.items():
            body = msgspec.json.encode(body_of(surface))
            for hostile in HOSTILE:
                sent = a_request("POST", target, way.format(hostile), body=body, key=None)
                reply = await at.knock(sent)
                # 400: no header may hold it; 429: too many were wrong, and still nobody is told.
                assert reply.status in (400, 401, 429)
                assert len(hostile) < 8 or hostile.encode("latin-1") not in reply.raw
                assert b"\x1b" not in reply.raw
        assert not await at.house.rows()
        good = await at.knock(a_request("POST", TARGET, body=BODY))
    assert good.status == 200
    assert len(upstream.heads) == 1
    assert not any(hostile in caplog.text for hostile in HOSTILE if len(hostile) > 9)
    assert "Traceback" not in caplog.text


UNKNOWN = (
    "a-key-of-nobody-at-all-and-long",
    RELAY_KEY[:-1],
    RELAY_KEY + "x",
    RELAY_KEY.upper(),
    RELAY_KEY[:20] + "-another-end-of-it",
    mint(bytes(40)).text,
    mint(bytes(40)).text[:-1] + "x",
    "' OR 1=1 --",
    "x",
    "A" * 600,
)


@pytest.mark.parametrize("surface", SURFACES)
async def test_every_wrong_key_hears_the_same(surface: str, tmp_path: Path) -> None:
    heard = set()
    async with relayed(tmp_path) as house:
        for key in UNKNOWN:
            answer = await house.ask(SURFACES[surface], body_of(surface), key=key)
            assert answer.status == 401
            of_this = (answer.headers.get("request-id") or answer.headers["x-request-id"]).encode()
            heads = {name for name in answer.headers}
            heard.add((answer.body.replace(of_this, b""), frozenset(heads)))
    assert len(heard) == 1


def test_every_wrong_key_costs_the_same() -> None:
    """One digest and one comparison, for what exists, what could exist and what could not."""
    hasher = Counted(MASTER)
    minted = mint(bytes(range(40)))
    book = KeyBook((KeyOptions(name="a", key=RELAY_KEY),), hasher)
    digest = hasher.digest(minted.text)
    assert digest is not None
    key = Key(id=minted.id, name="b")
    book.replace_stored((Credential(key=key, digest=digest, pepper=hasher.current),))

    def cost(presented: str) -> int:
        hasher.digests = 0
        book.find(presented)
        return hasher.digests

    other_secret = mint(bytes(range(8)) + bytes(32)).text
    assert other_secret[:18] == minted.text[:18]
    assert cost(minted.text) == cost(other_secret) == cost(mint(bytes(40)).text)
    assert cost(RELAY_KEY) == cost(RELAY_KEY[:-1]) == cost("' OR 1=1 --")


class Counted(KeyHasher):
    """A hasher that counts what it did."""

    digests = 0

    def digest(self, text: str, version: int | None = None) -> bytes | None:
        self.digests += 1
        return super().digest(text, version)


async def test_keys_that_begin_alike_are_two_callers(tmp_path: Path) -> None:
    """CVE-2026-35030: a cache by the first 20 characters took one for the other."""
    texts = [RELAY_KEY[:28] + end for end in ("-one", "-two", "-one-and-more")]
    keys = [KeyOptions(name=f"team-{number}", key=text) for number, text in enumerate(texts)]
    async with relayed(tmp_path, keys=keys) as house:
        for text in (*texts, *reversed(texts)):
            assert (await house.ask(TARGET, BODY, key=text)).status == 200
        assert (await house.ask(TARGET, BODY, key=RELAY_KEY[:28])).status == 401
        rows = await house.rows()
    assert [row["key_id"] for row in rows] == [
        "team-0", "team-1", "team-2", "team-2", "team-1", "team-0",
    ]  # fmt: skip


OTHER = "another-key-that-is-good-too"
PLACES = ("Authorization: Bearer {}", "X-Goog-Api-Key: {}", "X-Api-Key: {}", "?key={}")


@pytest.mark.parametrize(("one", "other"), list(itertools.product(PLACES, PLACES)))
async def test_two_different_keys_are_refused_though_both_are_good(
    one: str, other: str, tmp_path: Path
) -> None:
    def request(first: str, second: str) -> bytes:
        given = (one.format(first), other.format(second))
        query = "&".join(part.lstrip("?") for part in given if part.startswith("?"))
        headers = [part for part in given if not part.startswith("?")]
        return a_request("POST", f"{TARGET}?{query}", *headers, body=BODY, key=None)

    keys = (KeyOptions(name="a", key=RELAY_KEY), KeyOptions(name="b", key=OTHER))
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream, keys=keys) as at:
        assert (await at.knock(request(RELAY_KEY, OTHER))).status == 400
        assert not upstream.heads
        assert (await at.knock(request(OTHER, OTHER))).status == 200
        (row,) = await at.house.rows()
    assert row["key_id"] == "b"


@pytest.mark.parametrize(
    "scheme",
    [
        "Basic dGVhbS1hOng=",
        "Digest username=a",
        "Negotiate a",
        "Token a",
        "Bearer",
        "bearer",
        "",
        "a",
        "AWS4-HMAC-SHA256 Credential=a",
        "Bearer\ta",
    ],
)
@pytest.mark.parametrize("beside", ["", f"X-Api-Key: {RELAY_KEY}"])
async def test_a_scheme_that_is_not_known_is_refused_whatever_else_comes(
    scheme: str, beside: str, tmp_path: Path
) -> None:
    """CVE-2026-59822: what was not understood was passed on as if nothing had been given."""
    upstream = Watched(Emulator())
    headers = [f"Authorization: {scheme}", *([beside] if beside else [])]
    async with door(tmp_path, upstream) as at:
        reply = await at.knock(a_request("POST", TARGET, *headers, body=BODY, key=None))
        twice = await at.knock(
            a_request("POST", TARGET, f"Authorization: Bearer {RELAY_KEY}", *headers, body=BODY)
        )
    assert (reply.status, twice.status) == (401, 401)
    assert not upstream.heads


def canaries() -> dict[str, str]:
    """Return twenty secrets by the place where each is planted, in the forms that leak."""
    forms = ("AIza{:0>35}", "sk-proj-{:0>40}", "ya29.{:0>40}", "gk_live_{:0>30}", "eyJ{:0>40}.a.b")
    places = ("X-Goog-Api-Key", "X-Api-Key", "Authorization: Bearer", "?key", "Cookie", "Referer",
              "User-Agent", "X-Forwarded-For", "X-Session-Id", "?other", "Proxy-Authorization",
              "X-Request-Id", "Traceparent", "Accept-Language", "model", "field", "path", "Origin",
              "X-Goog-User-Project", "prompt")  # fmt: skip
    return {
        place: form.format(f"CANARY{number}")
        for number, (place, form) in enumerate(zip(places, itertools.cycle(forms), strict=False))
    }


KEY_PLACES = ("X-Goog-Api-Key", "X-Api-Key", "Authorization: Bearer", "?key")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("presented", [None, *KEY_PLACES])
async def test_what_is_planted_in_a_request_is_found_in_no_log_and_no_book(
    presented: str | None, surface: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """``presented``: the place whose key is wrong; None for a good key, and all else as before."""
    caplog.set_level(logging.DEBUG)
    planted = canaries()
    headers = [f"{name}: {value}" for name, value in planted.items() if name[0].isupper()
               and name not in KEY_PLACES]  # fmt: skip
    target = SURFACES[surface]
    joint = "&" if "?" in target else "?"
    target += f"{joint}other={planted['?other']}"
    if presented == "?key":
        target += f"&key={quote(planted['?key'])}"
    elif presented is not None:
        name, _, scheme = presented.partition(": ")
        headers.append(f"{name}: {scheme} {planted[presented]}".replace(":  ", ": "))
    bodies = (
        body_of(surface, planted["prompt"]),
        body_of(surface, planted["prompt"], stranger=planted["field"]),
        body_of(surface, planted["prompt"], model=planted["model"]),
        {"messages": planted["prompt"], "contents": planted["prompt"], "model": planted["model"]},
    )
    said = b""
    async with door(tmp_path) as at:
        for body in bodies:
            key = RELAY_KEY if presented is None else None
            data = msgspec.json.encode(body)
            reply = await at.knock(a_request("POST", target, *headers, body=data, key=key))
            assert (reply.status == 401) == (presented is not None)
            said += reply.head + (reply.body if presented else b"")
        await at.knock(a_request("GET", f"/{planted['path']}", *headers, key=RELAY_KEY))
        await at.house.rows()
    written = on_disk(tmp_path)
    if presented is None:
        planted["model"] = RELAY_KEY  # a model that was let in is what logs and books tell of
    for place, secret in {**planted, "the key": RELAY_KEY}.items():
        assert secret not in caplog.text, place
        assert secret.encode() not in said, place
        assert secret.encode() not in written, place


async def test_a_key_in_the_query_is_accepted_and_found_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """TV-68."""
    caplog.set_level(logging.DEBUG)
    upstream = Watched(Emulator())
    async with door(tmp_path, upstream) as at:
        reply = await at.knock(a_request("POST", f"{TARGET}?key={RELAY_KEY}", body=BODY, key=None))
        listed = await at.knock(a_request("GET", f"/v1beta/models?key={RELAY_KEY}", key=None))
        wrong = await at.knock(a_request("POST", f"{TARGET}?key=AIzaSECRET", body=BODY, key=None))
        await at.house.rows()
    assert (reply.status, listed.status, wrong.status) == (200, 200, 401)
    written = on_disk(tmp_path)
    for text in (RELAY_KEY, "AIzaSECRET"):
        assert text not in caplog.text
        assert text.encode() not in reply.raw + listed.raw + wrong.raw + written
        assert text not in repr(upstream.heads)


async def test_who_guesses_is_slowed_and_locks_nobody_out(tmp_path: Path) -> None:
    async with door(tmp_path) as at:
        wrong = a_request("POST", TARGET, body=BODY, key="a-wrong-key-of-nobody-at-all")
        statuses = [(await at.knock(wrong)).status for _ in range(40)]
        good = await at.knock(a_request("POST", TARGET, body=BODY))
    assert statuses == sorted(statuses)
    assert set(statuses) == {401, 429}
    assert good.status == 200
