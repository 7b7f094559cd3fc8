"""All rows of the matrix, by what befalls the session."""

from __future__ import annotations

from collections.abc import Mapping

from support.live_faults.between import BETWEEN
from support.live_faults.farewells import FAREWELLS
from support.live_faults.opening import OPENING
from support.live_faults.row import Row
from support.live_faults.turns import TURNS
from support.live_faults.way_back import WAY_BACK

__all__ = ("ROWS",)

ROWS: Mapping[str, Row] = {**OPENING, **TURNS, **BETWEEN, **FAREWELLS, **WAY_BACK}
