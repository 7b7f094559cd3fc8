"""The OpenAPI documents: checked in, true to the route tables, and fuzzed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.changes import Changes
from gemstream.config.relay.options import RelayOptions
from gemstream.relay.admin.openapi import admin_document
from gemstream.relay.admin.route import ROWS
from gemstream.relay.route import Action, route
from gemstream.relay.server.address import bind, url_of
from gemstream.relay.server.listener import Listener
from gemstream.relay.surfaces.openapi import SERVED, surfaces_document
from gemstream.wire.dialect.dialect import Dialect
from support.administered import TOKEN, administered
from support.relayed import RELAY_KEY
from support.sources import REPOSITORY

REFERENCE = REPOSITORY / "docs" / "reference"
DOCUMENTS = {
    "relay-openapi.json": surfaces_document,
    "relay-admin-openapi.json": admin_document,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_that_is_checked_in_is_the_one_that_is_made(name: str) -> None:
    """Run this file as a program to write them anew."""
    assert (REFERENCE / name).read_bytes() == DOCUMENTS[name]()


def _operations(document: bytes) -> dict[tuple[str, str], dict[str, Any]]:
    paths = msgspec.json.decode(document)["paths"]
    return {
        (method.upper(), path): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_the_operators_document_has_every_row_and_nothing_else() -> None:
    operations = _operations(admin_document())
    assert set(operations) == {(row.method, row.path) for row in ROWS}
    for operation in operations.values():
        assert "401" in operation["responses"]
        assert operation["summary"].endswith(".")
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)


def _filled(path: str) -> str:
    return path.replace("{model}", "gemini-2.5-flash").replace("{request}", "req_0")


@pytest.mark.parametrize("one", SERVED, ids=lambda one: f"{one.method} {one.path}")
def test_every_documented_path_and_alias_goes_where_it_says(one: Any) -> None:
    found = route(one.method, _filled(one.path), {})
    assert found is not None
    assert (found.surface, found.action) == (one.surface, one.action)
    for alias in one.aliases:
        found = route(one.method, _filled(alias), {})
        assert found is not None and found.action == one.action, alias
        if one.action not in (Action.KEY_INFO, Action.USAGE):
            assert found.surface == one.surface, alias


def test_every_action_of_every_dialect_is_documented() -> None:
    documented = {(one.surface, one.action) for one in SERVED}
    served = {Action.GENERATE, Action.COUNT, Action.EMBED, Action.LIST_MODELS, Action.GET_MODEL}
    missing = {(dialect, action) for dialect in Dialect for action in served} - documented
    # Neither service has them.
    assert missing == {(Dialect.OPENAI, Action.COUNT), (Dialect.ANTHROPIC, Action.EMBED)}
    assert len(_operations(surfaces_document())) == len(SERVED)


# They send a wrong credential with each example, and an address that does so is told to wait; the
# matrix of credentials is in test_entry.
FLOODING = ("ignored_auth",)


# --- fuzzed ----------------------------------------------------------------------------------


@contextmanager
def _listening(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a relay and its operators in a loop of their own; give both addresses."""
    ready, done = threading.Event(), threading.Event()
    urls: list[str] = []

    async def reload() -> Changes:
        return Changes(applied=RelayOptions())

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            office = await stack.enter_async_context(administered(folder, reload=reload))
            office.admin.desk.metrics = lambda: b"up 1\n"
            for app in (office.house.relay, office.admin):
                socket = bind("127.0.0.1", 0)
                urls.append(url_of(socket))
                listener = Listener(app, [socket], office.house.relay.parts.options.server)
                await listener.start()
                stack.push_async_callback(listener.close)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield urls[0], urls[1]
    finally:
        done.set()
        thread.join(30)


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[tuple[str, str]]:
    with _listening(tmp_path) as urls:
        yield urls


def _fuzz(document: bytes, url: str, headers: dict[str, str], excluded: Sequence[str]) -> None:
    """Send generated requests of every operation, good ones and bad ones, and judge the answers."""
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS.get_by_names(list(excluded))
    api = schemathesis.openapi.from_dict(msgspec.json.decode(document))
    every = list(schemathesis.GenerationMode)
    settings = hypothesis.settings(
        max_examples=5,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    for result in api.get_all_operations():
        operation = result.ok()
        cases = hypothesis.strategies.one_of(
            *(operation.as_strategy(generation_mode=mode) for mode in every)
        )

        @settings
        @hypothesis.seed(6)
        @hypothesis.given(case=cases)
        def judge(case: Any) -> None:
            case.call_and_validate(
                base_url=url, headers=headers, excluded_checks=checks, timeout=20
            )

        judge()


def test_operators_requests_fuzzed(addresses: tuple[str, str]) -> None:
    # What the schema cannot say, as that an account of that name must be there, is 400 too.
    excluded = (*FLOODING, "positive_data_acceptance")
    _fuzz(admin_document(), addresses[1], {"Authorization": f"Bearer {TOKEN}"}, excluded)


def test_callers_requests_fuzzed(addresses: tuple[str, str]) -> None:
    # Bodies pass through: what is in them the service judges.
    excluded = (*FLOODING, "positive_data_acceptance", "negative_data_rejection")
    _fuzz(surfaces_document(), addresses[0], {"x-goog-api-key": RELAY_KEY}, excluded)


if __name__ == "__main__":
    for name, document in DOCUMENTS.items():
        (REFERENCE / name).write_bytes(document())
