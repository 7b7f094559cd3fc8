"""Two addresses of one service, and everything that only looks like it."""

from __future__ import annotations

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.errors import InvalidRequest
from gemstream.net.transport import HTTPRequest
from gemstream.relay.accounts.account import Account
from gemstream.relay.accounts.origin import same_origin

HOME = "https://generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    "url",
    [
        f"{HOME}/upload/v1beta/files?upload_id=a",
        "https://generativelanguage.googleapis.com:443/x",
        "https://GENERATIVELANGUAGE.googleapis.com/x",
        HOME,
    ],
)
def test_the_same(url: str) -> None:
    assert same_origin(url, HOME)


@pytest.mark.parametrize(
    "url",
    [
        "http://generativelanguage.googleapis.com/x",
        "https://generativelanguage.googleapis.com:8443/x",
        "https://generativelanguage.googleapis.com.evil.test/x",
        "https://evil.test/generativelanguage.googleapis.com",
        "https://user@generativelanguage.googleapis.com/x",
        "https://generativelanguage.googleapis.com@evil.test/x",
        "https://generativelanguage.googleapis.com\\@evil.test/x",
        "https://generativelanguage.googleapis.com\t.evil.test/",
        "https://generativelanguage.googleapis.com:x/",
        "//generativelanguage.googleapis.com/x",
        "https:///x",
        "ftp://generativelanguage.googleapis.com/x",
        "",
        "\u212aelvin",
    ],
)
async def test_another(url: str) -> None:
    assert not same_origin(url, HOME)
    account = Account(AccountOptions(name="one", api_key="a-key-of-one"))
    with pytest.raises(InvalidRequest, match="own service"):
        await account.authorized(HTTPRequest("POST", url))
