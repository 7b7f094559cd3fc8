"""Every fault and toxic, in every call, on every way, through both faces: as documented, no leak.

The cells are generated from the registries and the tables of what each kind does: a kind without a
row fails here, as does a row without a kind. One more registry is one more line.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, nullcontext
from typing import NamedTuple

import pytest

from gemstream.emulator import Emulator, Rule, Script, chaos
from gemstream.emulator.scripts.faults import FAULTS
from gemstream.emulator.tcp.toxics import TOXICS, Refuse
from gemstream.testing.leaks import LeakCheck
from support.beside import beside
from support.fault_table import FAULT_ROWS, PATIENT, Row
from support.service import AT_ONCE
from support.toxic_table import TOXIC_ROWS
from support.ways import CALLS, FACES, PROMPT, WAYS, Answer, Counted, Met

_PATIENCE = 30.0
# Who has nothing to say of a fault: it is what the script asked for.
SERVERS = ("gemstream.emulator", "uvicorn")
# What the client meets once nothing is wrong any more: it is as good as new.
WELL: Mapping[str, Met] = {
    "generate": Answer(f"You said: {PROMPT}"),
    "stream": Answer(f"You said: {PROMPT}"),
    "count": Counted(2),
}


class Place(NamedTuple):
    """An emulator and where it is reached."""

    emulator: Emulator
    url: str


@pytest.fixture(scope="module")
def places() -> Iterator[Mapping[str, Place]]:
    """Serve an emulator on each way, for all cells: a server is not what they are about."""
    gc.collect()
    gc.freeze()  # a leak check looks at every object; what is here already is not the cells'
    with ExitStack() as stack:
        stack.callback(gc.unfreeze)
        emulators = {name: Emulator() for name in WAYS}
        yield {
            name: Place(emulator, stack.enter_context(beside(WAYS[name].serves(emulator))))
            for name, emulator in emulators.items()
        }


class Registry(NamedTuple):
    """Kinds of what can go wrong, and the rows that say what each does."""

    kinds: Mapping[str, type]
    rows: Mapping[str, Mapping[str, Row]]


REGISTRIES = {
    "fault": Registry(FAULTS, FAULT_ROWS),
    "toxic": Registry(TOXICS, TOXIC_ROWS),
}
KINDS = [(name, kind) for name, registry in REGISTRIES.items() for kind in registry.rows]


def _cells() -> Iterator[object]:
    for name, kind in KINDS:
        rows = REGISTRIES[name].rows[kind]
        for (look, row), call, face in itertools.product(rows.items(), CALLS, FACES):
            for way in row.only_on:
                said = f"{name} {kind} {look}".strip()
                yield pytest.param(row, call, way, face, id=f"{said}-{call}-{way}-{face}")


@pytest.mark.parametrize("name", REGISTRIES)
def test_every_kind_has_rows_and_every_row_a_kind(name: str) -> None:
    registry = REGISTRIES[name]
    assert set(registry.rows) == set(registry.kinds)
    assert all(registry.rows.values())


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_row_plays_its_kind_and_differs_where_it_says(name: str, kind: str) -> None:
    registry = REGISTRIES[name]
    for row in registry.rows[kind].values():
        assert registry.kinds[kind] in {type(one) for one in (*row.steps, *row.toxics)}
        assert row.only_on and set(row.only_on) <= set(WAYS)
        assert set(row.ways) <= set(WAYS) and set(row.timeouts) <= set(CALLS)
        for differs in row.ways.values():
            others = {call: getattr(differs, call) for call in CALLS}
            assert any(others.values()) or differs.breaks_others
            assert all(getattr(row, call) != other for call, other in others.items())


def _later(row: Row, far: str, near: str) -> str:
    """Return where the next call goes: what refuses its connections does so to the end."""
    return far if any(isinstance(toxic, Refuse) for toxic in row.toxics) else near


@pytest.mark.parametrize(("row", "call", "way", "face"), list(_cells()))
async def test_a_fault_does_what_is_documented_and_leaves_nothing(
    row: Row,
    call: str,
    way: str,
    face: str,
    places: Mapping[str, Place],
    caplog: pytest.LogCaptureFixture,
) -> None:
    leaks = LeakCheck()
    emulator, url = places[way]
    emulator.script = Script([Rule(steps=row.steps_of(call), method="*")])
    async with chaos(url, *row.toxics) if row.toxics else nullcontext(url) as near:
        transport = WAYS[way].transport(emulator)
        # A connection that broke behind a whole answer is seen to be so by whoever uses it next.
        client = FACES[face](transport, near)
        again = FACES[face](transport, _later(row, url, near), AT_ONCE)
        try:
            assert await client.ask(call, row.timeouts_of(call)) == row.met(call, way)
            emulator.script = Script()
            assert await again.ask(call, PATIENT) == WELL[call]
        finally:
            await client.aclose()
            await again.aclose()
    async with asyncio.timeout(_PATIENCE):
        await emulator.idle()
    # In a thread, so that this loop goes on and what ends by itself can end.
    assert await asyncio.to_thread(leaks.leaks) == []
    assert [record for record in caplog.records if record.name.startswith(SERVERS)] == []
