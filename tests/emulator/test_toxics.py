"""Toxics as values: read from text, refused with the nearest name, drawn from the seed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.emulator.scripts.fault_list import toxic_list
from gemstream.emulator.tcp.toxics import (
    TOXICS,
    Bandwidth,
    Cut,
    Direction,
    Latency,
    Place,
    Refuse,
    Reset,
    SlowClose,
    Swallow,
    Toxic,
    decode_toxic,
    schedule,
)
from gemstream.errors import ConfigError

TEXTS = [
    ("reset", Reset(at=0)),
    ("reset:at=120", Reset(at=120)),
    ("reset:at=10,to=20,probability=0.5", Reset(at=10, to=20, probability=0.5)),
    ("cut:at=3,direction=up,connection=2", Cut(at=3, direction=Direction.UP, connection=2)),
    ("cut:place=chunk_size,chunk=2", Cut(place=Place.CHUNK_SIZE, chunk=2)),
    ("latency:ms=50,jitter=20", Latency(ms=50, jitter=20)),
    ("bandwidth:rate=1000", Bandwidth(rate=1000)),
    ("slow_close:ms=500", SlowClose(ms=500)),
    ("swallow", Swallow()),
    ("refuse", Refuse()),
]


@pytest.mark.parametrize(("text", "toxic"), TEXTS)
def test_a_text_says_a_toxic(text: str, toxic: Toxic) -> None:
    assert decode_toxic(text) == toxic


MISTAKES = [
    ("rest:at=1", "chaos 'rest:at=1': there is no toxic 'rest'"),
    ("rest:at=1", "did you mean 'reset'?"),
    ("", "there is no toxic ''; there are reset, cut, latency"),
    ("latency:msec=1", "latency has no field 'msec'; there are probability, connection, ms"),
    ("latency:msec=1", "did you mean 'ms'?"),
    ("refuse:at=1", "refuse has no field 'at'; there are none"),
    ("reset:120", "'120' should be as field=value"),
    ("reset:at=x", "chaos 'reset:at=x': Expected `int | null`"),
    ("reset:at=-1", "at should be a number, 0 or more, not -1"),
    ("cut:to=1", "not above to"),
    ("reset:at=9,to=1", "not above to"),
    ("reset:probability=2", "probability should be between 0 and 1, not 2.0"),
    ("reset:connection=0", "connections are counted from 1"),
    ("latency", "missing required field `ms`"),
    ("cut", "cut needs either at or place"),
    ("cut:at=1,place=head", "cut needs either at or place"),
    ("cut:place=heads", "Invalid enum value 'heads'"),
    ("cut:place=head,direction=up", "its direction is down"),
    ("cut:place=chunk_end,chunk=0", "chunks are counted from 1"),
    ("bandwidth:rate=0", "rate should be 1 byte a second or more"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_a_mistake_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_toxic(text)
    assert words in str(caught.value)


@given(st.text() | st.builds("{}:{}".format, st.sampled_from([*TOXICS]), st.text("atms=,01.n")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        toxic = decode_toxic(text)
    except ConfigError:
        return
    assert isinstance(toxic, Toxic)


@pytest.mark.parametrize("fields", [{"at": -1}, {"direction": "up"}, {"at": float("inf")}])
def test_a_toxic_made_in_python_is_judged_too(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Reset(**fields)


CHANCES = [Reset(at=0, to=10**9, probability=0.5), Latency(ms=1, probability=0.5), Swallow()]


@given(st.integers(), st.integers(1, 10**6))
def test_the_same_seed_and_connection_give_the_same_schedule(seed: int, number: int) -> None:
    assert schedule(CHANCES, seed, number) == schedule(CHANCES, seed, number)


def test_seeds_and_connections_differ() -> None:
    schedules = [schedule(CHANCES, seed, number) for seed in (1, 2) for number in range(1, 50)]
    assert {len(one) for one in schedules} == {1, 2, 3}
    places = [one.at for each in schedules for one in each if isinstance(one, Reset)]
    assert len(set(places)) == len(places) > 20


@given(st.integers())
def test_a_toxic_draws_the_same_whatever_stands_behind_it(seed: int) -> None:
    assert (
        schedule(CHANCES, seed, 1)[:1]
        == [
            *schedule(CHANCES[:1], seed, 1),
            *schedule(CHANCES, seed, 1),
        ][:1]
    )


def test_a_toxic_of_one_connection_is_of_that_one_only() -> None:
    toxic = Reset(at=1, connection=2)
    assert [schedule([toxic], 0, number) for number in (1, 2, 3)] == [[], [toxic], []]


def test_the_list_tells_all_of_them() -> None:
    entries = {entry.kind: entry for entry in toxic_list()}
    assert list(entries) == list(TOXICS)
    assert all(entry.sentence.endswith(".") for entry in entries.values())
    fields = {field.name: (field.type, field.default) for field in entries["cut"].fields}
    assert fields["at"] == ("integer", None)
    assert fields["direction"] == ("'down' or 'up'", "down")
    assert fields["place"][0].startswith("'head' or 'chunk_size'")
    assert {field.name for field in entries["latency"].fields} >= {"ms", "jitter", "probability"}
