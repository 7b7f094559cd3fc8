"""The four timeouts: positive, finite seconds, or None."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gemstream.config.timeouts import Timeouts
from gemstream.errors import ConfigError

NAMES = Timeouts.__struct_fields__


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [
        0,
        0.0,
        -0.0,
        -1,
        -0.001,
        math.nan,
        math.inf,
        -math.inf,
        True,
        False,
        "5",
        b"5",
        [5],
        1j,
        Decimal(5),
        10**400,
    ],
)
def test_what_is_no_length_of_time_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"timeout {name} is .*or None for no limit"):
        Timeouts(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1, 0.001, 86400.5, 5e-324])
def test_a_length_of_time_is_kept(name: str, value: float | None) -> None:
    assert getattr(Timeouts(**{name: value}), name) == value


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="timeout idle is -1"):
        msgspec.structs.replace(Timeouts(), idle=-1)


def test_there_are_four_with_the_documented_defaults() -> None:
    assert msgspec.structs.asdict(Timeouts()) == {
        "connect": 5.0,
        "first_chunk": 300.0,
        "idle": 120.0,
        "total": 600.0,
    }
