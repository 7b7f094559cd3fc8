"""``gemstream models``: a line for each model, one in full, and both as JSON."""

from __future__ import annotations

from cli.program import environment, gemstream


def test_every_model_is_one_line() -> None:
    result = gemstream("models", "--emulate")
    head, *rows = result.out.splitlines()
    assert result.code == 0
    assert head.split() == ["MODEL", "INPUT", "OUTPUT", "METHODS"]
    found = {row.split()[0]: row.split()[1:] for row in rows}
    assert found["gemini-2.5-flash"][:2] == ["1048576", "65536"]
    assert "generateContent" in found["gemini-2.5-flash"]
    assert "\x1b" not in result.out


def test_models_as_json() -> None:
    told = gemstream("models", "--emulate", "--json").json
    names = {model["name"] for model in told["models"]}
    assert told["schema"] == "gemstream.models/1"
    assert {"gemini-2.5-flash", "gemini-embedding-001"} <= names


def test_one_model_in_full() -> None:
    for name in ("gemini-2.5-pro", "models/gemini-2.5-pro"):
        assert "input token limit: 1048576" in gemstream("models", name, "--emulate").out
        (model,) = gemstream("models", name, "--emulate", "--json").json["models"]
        assert model["name"] == "gemini-2.5-pro"
        assert model["input_token_limit"] == 1_048_576


def test_a_model_that_is_not_there() -> None:
    result = gemstream("models", "gemini-0-nothing", "--emulate", "--json")
    assert result.code == 2
    assert result.json["error"]["type"] == "NotFound"
    assert "error: 404 NOT_FOUND" in result.err


def test_models_need_a_key() -> None:
    assert gemstream("models", env=environment()).code == 3
