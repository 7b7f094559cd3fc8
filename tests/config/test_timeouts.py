"""How long a call may take and wait: positive, finite seconds, or None; 0 is no wait at all."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gemstream.config.timeouts import Timeouts
from gemstream.errors import ConfigError

NAMES = Timeouts.__struct_fields__
NOTHING = (0, 0.0, -0.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [
        *NOTHING,
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
    if name == "limit_wait" and type(value) in (int, float) and value in NOTHING:
        assert Timeouts(limit_wait=value).limit_wait == 0
        return
    with pytest.raises(ConfigError, match=f"timeout {name} is .*or None for no limit"):
        Timeouts(**{name: value})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1, 0.001, 86400.5, 5e-324])
def test_a_length_of_time_is_kept(name: str, value: float | None) -> None:
    assert getattr(Timeouts(**{name: value}), name) == value


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="timeout idle is -1"):
        msgspec.structs.replace(Timeouts(), idle=-1)


def test_the_defaults_are_as_documented() -> None:
    assert msgspec.structs.asdict(Timeouts()) == {
        "connect": 5.0,
        "first_chunk": 300.0,
        "idle": 120.0,
        "total": 600.0,
        "limit_wait": None,
    }
