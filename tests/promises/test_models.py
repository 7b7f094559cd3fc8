"""The model tests that the design documents name: which model answers which request."""

from __future__ import annotations

import asyncio

import pytest

from gemstream import AsyncClient, Response
from gemstream.emulator import Emulator
from support.emulated import async_client
from support.service import Service, client_of, finish, streamed


async def _asked(client: AsyncClient, model: str | None = None) -> list[Response]:
    """Ask in both forms, and return both answers."""
    return [
        await client.generate("Say hello", model=model),
        await client.generate_stream("Say hello", model=model).finish(),
    ]


async def _models_asked(*models: str | None, default: str | None = None) -> list[str | None]:
    """Ask once for each model, one after the other; return who answered each time."""
    emulator = Emulator()
    async with async_client(emulator, model=default) as client:
        for model in models:
            answers = await _asked(client, model)
            assert all("hello" in answer.text for answer in answers)
    asked = [entry.model for entry in emulator.journal]
    assert asked[::2] == asked[1::2]  # both forms ask the same
    return asked[::2]


async def test_default_model_usage() -> None:
    assert await _models_asked(None) == ["gemini-2.5-flash"]
    assert await _models_asked(None, default="gemini-2.5-pro") == ["gemini-2.5-pro"]


async def test_model_override() -> None:
    models = ["gemini-2.5-pro", None]
    assert await _models_asked(*models) == ["gemini-2.5-pro", "gemini-2.5-flash"]


async def test_multiple_model_requests() -> None:
    models = ["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"]
    assert await _models_asked(*models, *models) == [*models, *models]


async def test_multiple_models_at_once() -> None:
    models = ["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"] * 20
    async with async_client(Emulator()) as client:
        answers = await asyncio.gather(*(_asked(client, model) for model in models))
    assert [[answer.model_version for answer in both] for both in answers] == [
        [model, model] for model in models
    ]


async def test_gemini_2_0_flash() -> None:
    assert await _models_asked("gemini-2.0-flash") == ["gemini-2.0-flash"]


async def test_gemini_2_0_flash_lite() -> None:
    assert await _models_asked("gemini-2.0-flash-lite") == ["gemini-2.0-flash-lite"]


async def test_mixed_2_0_and_2_5_models() -> None:
    models = ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.0-flash-lite", "gemini-2.5-pro"]
    assert await _models_asked(*models) == models


@pytest.mark.parametrize("model", ["models/gemini-2.0-flash", "gemini-2.0-flash"])
async def test_explicit_models_prefix(model: str) -> None:
    assert await _models_asked(model) == ["gemini-2.0-flash"]
    service = Service(streamed(finish("hello")))
    await client_of(service).generate_stream("Say hello", model=model).finish()
    assert service.last.url.startswith("/v1beta/models/gemini-2.0-flash:")
