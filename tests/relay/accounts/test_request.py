"""What a request to an account looks like, and what it keeps back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.relay.options import AccountOptions
from gemstream.errors import ConfigError, InvalidRequest
from gemstream.net.transport import HTTPRequest
from gemstream.relay.accounts.account import Account, accounts_of
from gemstream.relay.accounts.head import passed_down
from gemstream.relay.accounts.kind import Call
from gemstream.relay.accounts.kinds import KINDS, kind_named, kinds_of
from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.endpoint import Operation

KEY = "AIzaSy-secret-of-the-account"
OPTIONS = AccountOptions(name="one", api_key=KEY)
GOOGLE = "https://generativelanguage.googleapis.com"


def request(call: Call, options: AccountOptions = OPTIONS) -> HTTPRequest:
    return asyncio.run(Account(options).request(call))


def generate(operation: Operation = Operation.GENERATE, **fields: Any) -> Call:
    return Call(**{"operation": operation, "model": "gemini-2.5-flash", **fields})


@pytest.mark.parametrize(
    ("call", "method", "url"),
    [
        (generate(), "POST", "/v1beta/models/gemini-2.5-flash:generateContent"),
        (
            generate(Operation.STREAM),
            "POST",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        (
            generate(Operation.STREAM, query={"alt": "json", "key": "theirs", "$alt": "proto"}),
            "POST",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        (
            generate(Operation.COUNT_TOKENS, version="v1", model="tunedModels/mine"),
            "POST",
            "/v1/tunedModels/mine:countTokens",
        ),
        (
            generate(Operation.LIST_MODELS, query={"pageSize": "5", "pageToken": "a&b=c"}),
            "GET",
            "/v1beta/models?pageSize=5&pageToken=a%26b%3Dc",
        ),
        (generate(Operation.GET_MODEL), "GET", "/v1beta/models/gemini-2.5-flash"),
        (Call(method="DELETE", path="files/abc"), "DELETE", "/v1beta/files/abc"),
    ],
)
def test_the_address_is_built_of_parts(call: Call, method: str, url: str) -> None:
    sent = request(call)
    assert (sent.method, sent.url) == (method, GOOGLE + url)
    base = AccountOptions(name="one", api_key=KEY, base_url="http://127.0.0.1:9100/")
    assert request(call, base).url == "http://127.0.0.1:9100" + url


@pytest.mark.parametrize(
    "call",
    [
        generate(model="../../admin"),
        generate(model="a?key=b"),
        generate(model="a/b:c"),
        generate(model="a%2fb"),
        generate(model=""),
        generate(version="v9"),
        generate(Operation.PREDICT),
        generate(query={"fields": "candidates"}),
        generate(query={"$fields": "candidates"}),
        generate(query={"access_token": "x"}),
        generate(query={"callback": "x"}),
        Call(path="../v1/files"),
        Call(path="files/a?x"),
    ],
)
def test_what_could_lead_elsewhere_is_refused(call: Call) -> None:
    with pytest.raises(InvalidRequest):
        request(call)


def test_of_the_callers_head_only_what_is_meant_for_the_service_goes_up() -> None:
    theirs = {
        "authorization": "Bearer theirs",
        "x-goog-api-key": "theirs",
        "x-api-key": "theirs",
        "proxy-authorization": "theirs",
        "cookie": "theirs",
        "host": "evil.example",
        "forwarded": "for=10.0.0.1",
        "x-forwarded-for": "10.0.0.1",
        "x-forwarded-host": "evil.example",
        "x-goog-user-project": "theirs",
        "x-goog-fieldmask": "candidates",
        "x-http-method-override": "DELETE",
        "connection": "x-hop, close",
        "x-hop": "1",
        "keep-alive": "1",
        "te": "trailers",
        "trailer": "x",
        "transfer-encoding": "chunked",
        "content-length": "7",
        "upgrade": "h2c",
        "expect": "100-continue",
        "accept-encoding": "gzip",
        "x-server-timeout": "1",
        "x-gemstream-attempt": "theirs",
        "content-type": "application/json; charset=utf-8",
        "accept-language": "de",
        "x-goog-api-client": "google-genai-sdk/1.0",
    }
    sent = request(generate(headers=theirs, body=b"{}", attempt="r-1", total_left=599.2))
    ours = dict(sent.headers)
    client = ours.pop("x-goog-api-client").split()
    assert client[0] == "google-genai-sdk/1.0"
    assert client[1].startswith("gemstream-relay/")
    assert ours.pop("user-agent").startswith("gemstream-relay/")
    assert ours == {
        "content-type": "application/json; charset=utf-8",
        "accept-language": "de",
        "accept-encoding": "identity",
        "x-server-timeout": "600",
        "x-goog-api-key": KEY,
    }


@pytest.mark.parametrize(
    ("left", "told"), [(None, None), (9.9, None), (10.0, "10"), (10.01, "11"), (600.0, "600")]
)
def test_the_service_is_told_of_the_time_that_is_left(left: float | None, told: str | None) -> None:
    assert request(generate(total_left=left)).headers.get("x-server-timeout") == told


def test_only_an_account_that_wants_it_is_told_the_attempt() -> None:
    told = AccountOptions(name="one", api_key=KEY, attempt_header=True)
    assert request(generate(attempt="r-1"), told).headers["x-gemstream-attempt"] == "r-1"
    assert "x-gemstream-attempt" not in request(generate(), told).headers


@given(st.binary(max_size=200))
def test_the_body_is_the_very_same_object(body: bytes) -> None:
    assert request(generate(body=body)).body is body


def test_no_secret_is_shown() -> None:
    account = Account(OPTIONS)
    call = generate(body=b"private", headers={"x-goog-api-key": "theirs"})
    sent = asyncio.run(account.request(call))
    shown = f"{account!r} {call!r} {sent!r} {account.hash} {sent.url}"
    assert not [word for word in (KEY, "private", "theirs", "secret") if word in shown]
    assert KEY.encode() not in account.redact(b"the key " + KEY.encode())


def test_a_caller_sees_nothing_of_the_account() -> None:
    upstream = {
        "content-type": "text/event-stream",
        "retry-after": "9",
        "server": "scaffolding",
        "set-cookie": "x",
        "x-ratelimit-remaining-requests": "1",
        "x-goog-upload-url": "https://…",
        "content-encoding": "identity",
        "transfer-encoding": "chunked",
    }
    assert passed_down(upstream) == {"content-type": "text/event-stream"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (AccountOptions(name="x"), "has no api_key"),
        (AccountOptions(name="x", api_key="a\nb"), "account 'x'"),
        (AccountOptions(name="x", api_key="auth_tokens/abc"), "ephemeral"),
        (AccountOptions(name="x", api_key="k", kind="gemeni"), "did you mean gemini"),
        (AccountOptions(name="x", api_key="k", kind="bedrock"), "gemini"),
    ],
)
def test_an_account_that_cannot_be_is_refused(options: AccountOptions, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Account(options)


def test_two_accounts_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two accounts"):
        accounts_of([OPTIONS, OPTIONS])
    assert list(accounts_of([OPTIONS])) == ["one"]


def test_the_rows_of_kinds_are_true() -> None:
    for name, kind in KINDS.items():
        assert kind_named(name) is kind
        assert name in kinds_of(kind.dialect)
    assert kinds_of(Dialect.OPENAI) == ()
