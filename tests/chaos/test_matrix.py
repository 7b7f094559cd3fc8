"""Every fault, in every call, on every way, through both faces: as documented, and nothing leaked.

The cells are generated from the registry of faults and the table of what each does: a fault without
a row fails here, as does a row without a fault.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import FAULTS
from gemstream.testing.leaks import LeakCheck
from support.beside import beside
from support.fault_table import FAULT_ROWS, PATIENT, Row
from support.service import AT_ONCE
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


def _cells() -> Iterator[object]:
    for kind, rows in FAULT_ROWS.items():
        for (look, row), call, way, face in itertools.product(rows.items(), CALLS, WAYS, FACES):
            name = f"{kind} {look}".strip()
            yield pytest.param(row, call, way, face, id=f"{name}-{call}-{way}-{face}")


def test_every_fault_has_rows_and_every_row_a_fault() -> None:
    assert set(FAULT_ROWS) == set(FAULTS)


@pytest.mark.parametrize("kind", FAULT_ROWS)
def test_a_row_plays_its_fault_and_differs_where_it_says(kind: str) -> None:
    for row in FAULT_ROWS[kind].values():
        assert FAULTS[kind] in {type(step) for step in row.steps}
        assert set(row.ways) <= set(WAYS) and set(row.timeouts) <= set(CALLS)
        for differs in row.ways.values():
            others = {call: getattr(differs, call) for call in CALLS}
            assert any(others.values()) or differs.breaks_others
            assert all(getattr(row, call) != other for call, other in others.items())


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
    transport = WAYS[way].transport(emulator)
    # A connection that broke behind a whole answer is seen to be broken by whoever uses it next.
    client, again = FACES[face](transport, url), FACES[face](transport, url, AT_ONCE)
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
