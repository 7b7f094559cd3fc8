"""Where a path leads: the whole table, with every alias."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gemstream.relay.route import Action, allowed_methods, dialect_of, route
from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.endpoint import Operation

GEMINI, OPENAI, ANTHROPIC = Dialect.GEMINI, Dialect.OPENAI, Dialect.ANTHROPIC
MODEL = "gemini-2.5-flash"
BEARER = {"authorization": "Bearer k"}
ANTHROPICS = {"anthropic-version": "2023-06-01", "x-api-key": "k"}

GEMINIS = {
    ("POST", ":generateContent"): (Action.GENERATE, Operation.GENERATE),
    ("POST", ":streamGenerateContent"): (Action.GENERATE, Operation.STREAM),
    ("POST", ":countTokens"): (Action.COUNT, Operation.COUNT_TOKENS),
    ("POST", ":embedContent"): (Action.EMBED, Operation.EMBED),
    ("POST", ":batchEmbedContents"): (Action.EMBED, Operation.BATCH_EMBED),
    ("GET", ""): (Action.GET_MODEL, Operation.GET_MODEL),
}


@pytest.mark.parametrize("prefix", ["", "/gemini"])
@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize(("method", "verb"), GEMINIS)
def test_gemini(prefix: str, version: str, method: str, verb: str) -> None:
    found = route(method, f"{prefix}/{version}/models/{MODEL}{verb}", {})
    assert found is not None
    assert (found.surface, found.model, found.version) == (GEMINI, MODEL, version)
    assert (found.action, found.operation) == GEMINIS[method, verb]


@pytest.mark.parametrize("path", ["/v1beta/models", "/v1/models", "/gemini/v1beta/models"])
def test_gemini_s_list_of_models(path: str) -> None:
    found = route("GET", path, {})
    assert found is not None
    assert (found.surface, found.action, found.model) == (GEMINI, Action.LIST_MODELS, None)


@pytest.mark.parametrize(
    "prefix",
    ["/v1", "/openai", "/openai/v1", "/openai/gemini", "/openai/gemini/v1", "/v1beta/openai"],
)
@pytest.mark.parametrize(
    ("method", "path", "action", "model"),
    [
        ("POST", "/chat/completions", Action.GENERATE, None),
        ("POST", "/embeddings", Action.EMBED, None),
        ("GET", "/models", Action.LIST_MODELS, None),
        ("GET", f"/models/{MODEL}", Action.GET_MODEL, MODEL),
    ],
)
def test_openai(prefix: str, method: str, path: str, action: Action, model: str | None) -> None:
    found = route(method, f"{prefix}{path}", BEARER)
    assert found is not None
    assert (found.surface, found.action, found.model) == (OPENAI, action, model)


@pytest.mark.parametrize("prefix", ["", "/claude", "/anthropic", "/api"])
@pytest.mark.parametrize(
    ("method", "path", "action", "model"),
    [
        ("POST", "/v1/messages", Action.GENERATE, None),
        ("POST", "/v1/messages/count_tokens", Action.COUNT, None),
        ("GET", "/v1/models", Action.LIST_MODELS, None),
        ("GET", f"/v1/models/{MODEL}", Action.GET_MODEL, MODEL),
    ],
)
def test_anthropic(prefix: str, method: str, path: str, action: Action, model: str | None) -> None:
    found = route(method, f"{prefix}{path}", ANTHROPICS)
    assert found is not None
    assert (found.surface, found.action, found.model) == (ANTHROPIC, action, model)


@pytest.mark.parametrize(
    ("headers", "surface"),
    [
        (BEARER, OPENAI),
        (ANTHROPICS, ANTHROPIC),
        ({"anthropic-version": "2023-06-01", **BEARER}, ANTHROPIC),
        ({"x-goog-api-key": "k"}, GEMINI),
        ({}, GEMINI),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", f"/v1/models/{MODEL}", "/v1/nothing"])
def test_a_path_of_all_three_goes_by_how_the_key_is_sent(
    path: str, headers: Mapping[str, str], surface: Dialect
) -> None:
    found = route("GET", path, headers)
    assert found is None or found.surface is surface
    assert dialect_of(path, headers) is surface


@pytest.mark.parametrize("prefix", ["", "/gemini", "/openai", "/claude", "/anthropic", "/api"])
@pytest.mark.parametrize("version", ["", "/v1"])
@pytest.mark.parametrize(
    ("path", "action", "rest"),
    [
        ("/key-info", Action.KEY_INFO, ""),
        ("/usage", Action.USAGE, ""),
        ("/usage/req_0123", Action.USAGE, "req_0123"),
    ],
)
def test_what_the_relay_tells_of_itself(
    prefix: str, version: str, path: str, action: Action, rest: str
) -> None:
    found = route("GET", f"{prefix}{version}{path}", {})
    assert found is not None
    assert (found.action, found.rest) == (action, rest)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/chat/completions", ("POST",)),
        ("/v1beta/openai/embeddings", ("POST",)),
        ("/claude/v1/messages", ("POST",)),
        (f"/v1beta/models/{MODEL}:streamGenerateContent", ("POST",)),
        (f"/gemini/v1/models/{MODEL}", ("GET",)),
        ("/openai/models", ("GET",)),
        ("/usage", ("GET",)),
    ],
)
def test_the_methods_of_a_path(path: str, allowed: tuple[str, ...]) -> None:
    assert allowed_methods(path, {}) == allowed


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v2/messages",
        "/v1/chat",
        "/v1/chat/completions/",
        "/v1/chat/completions/x",
        "/V1/chat/completions",
        "/gemini/gemini/v1beta/models",
        "/gemini/v1/chat/completions",
        "/openai/v1/messages",
        "/openai/claude/v1/messages",
        "/v1/messages/batches",
        "/v1beta/models/",
        "/v1beta/models/a/b:generateContent",
        f"/v1beta/models/{MODEL}:generate",
        "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
        "/key-info/somebody",
        "/usage/a/b",
        "/emulator/ack",
    ],
)
def test_what_is_not_served(path: str) -> None:
    assert allowed_methods(path, BEARER) == ()
