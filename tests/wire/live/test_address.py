"""Addresses of Live sessions: written as the service has them, read as clients write them."""

from __future__ import annotations

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.live.address import (
    LiveRoute,
    LiveService,
    live_url,
    match_live,
)

_GOOGLE = "/ws/google.ai.generativelanguage"
_GEMINI, _CONSTRAINED, _VERTEX = LiveService.GEMINI, LiveService.CONSTRAINED, LiveService.VERTEX

# Service, version, path.
PATHS = [
    (_GEMINI, "v1beta", f"{_GOOGLE}.v1beta.GenerativeService.BidiGenerateContent"),
    (_GEMINI, "v1", f"{_GOOGLE}.v1.GenerativeService.BidiGenerateContent"),
    (_GEMINI, "v1alpha", f"{_GOOGLE}.v1alpha.GenerativeService.BidiGenerateContent"),
    (
        _CONSTRAINED,
        "v1alpha",
        f"{_GOOGLE}.v1alpha.GenerativeService.BidiGenerateContentConstrained",
    ),
    (_VERTEX, "v1", "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"),
    (_VERTEX, "v1beta1", "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"),
]


@pytest.mark.parametrize(("service", "version", "path"), PATHS)
@pytest.mark.parametrize(
    ("base", "socket"),
    [
        ("https://h", "wss://h"),
        ("http://localhost:1/", "ws://localhost:1"),
        ("WSS://h/proxy/", "wss://h/proxy"),
    ],
)
def test_an_address_is_written_as_the_service_has_it(
    service: LiveService, version: str, path: str, base: str, socket: str
) -> None:
    assert live_url(base, version, service) == socket + path


@pytest.mark.parametrize(("service", "version", "path"), PATHS)
def test_a_path_is_read_with_one_slash_or_two(
    service: LiveService, version: str, path: str
) -> None:
    route = LiveRoute(service, version)
    assert match_live(path) == match_live(f"/{path}") == route


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/v1beta/models",
        f"//{PATHS[0][2]}",
        f"{PATHS[0][2]}/",
        PATHS[0][2].replace("v1beta", "v9"),
        PATHS[3][2].replace("v1alpha", "v1beta"),
        PATHS[0][2].replace(".GenerativeService", "xGenerativeService"),
    ],
)
def test_another_path_is_nobody_s(path: str) -> None:
    assert match_live(path) is None


def test_a_query_is_escaped() -> None:
    url = live_url("https://h", "v1alpha", _CONSTRAINED, query={"access_token": "auth_tokens/a b"})
    assert url.endswith("BidiGenerateContentConstrained?access_token=auth_tokens%2Fa+b")


@pytest.mark.parametrize(
    ("base", "version", "service", "words"),
    [
        ("https://h", "v9", _GEMINI, ["'v9'", "'v1beta'"]),
        ("https://h", "v1beta", _CONSTRAINED, ["ephemeral token", "'v1alpha'"]),
        ("https://h", "v1alpha", _VERTEX, ["Vertex AI", "'v1beta1'"]),
        ("ftp://h", "v1", _GEMINI, ["'ftp://h'", "https://HOST"]),
        ("https://", "v1", _GEMINI, ["no host"]),
        ("h", "v1", _GEMINI, ["no host"]),
    ],
)
def test_an_address_that_cannot_be_is_told_before_anything_is_dialled(
    base: str, version: str, service: LiveService, words: list[str]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        live_url(base, version, service)
    assert [word for word in words if word not in str(caught.value)] == []
