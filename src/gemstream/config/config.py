"""The configuration of all files: the values that are written, each with its origin.

Options of a call and of the command line, and the environment, win over all of it; see ``options``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from .budget import Budget
from .tiers import Tiers
from .timeouts import Timeouts
from .toml_file import Key

__all__ = ("Config", "LimitSettings", "Setting")


class Setting(NamedTuple):
    """A value and its origin: the file and the line."""

    value: Any
    origin: str


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How limits are kept.

    ``store``: where it is counted: "process", "machine" or the URL of a Redis; None is what the
    program has for it. ``wait``: seconds that a call waits for its turn at most, 0 for not at all
    and None for as long as it takes. ``check_every``: how many chunks of a stream come between two
    checks, None for no checks. ``away``: what holds while the store cannot be reached.
    ``adaptive``: whether more answers may run at once than the tier says, up to its ceiling, as
    long as all goes well; fewer after a 429 it is always.
    """

    store: str | None = None
    wait: float | None = None
    check_every: int | None = None
    away: Literal["open", "closed", "share"] = "share"
    adaptive: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What the files say, and the bundled tiers with their rows in place.

    ``settings``: the values that are written, by key. ``files``: those that were read, the
    strongest first. ``warnings``: what may not be meant, for whoever made the client to show.
    """

    settings: Mapping[Key, Setting] = {}
    files: Sequence[str] = ()
    warnings: Sequence[str] = ()
    tiers: Tiers

    def find(self, *key: str) -> Setting | None:
        """Return the value of ``key`` as written, None when no file has it."""
        return self.settings.get(key)

    def section(self, *key: str) -> dict[str, Any]:
        """Return what is written directly in the table ``key``."""
        return {
            name[-1]: setting.value for name, setting in self.settings.items() if name[:-1] == key
        }

    @property
    def budget(self) -> Budget:
        """The share of each limit that may be used."""
        return Budget(**self.section("budget"))

    @property
    def limits(self) -> LimitSettings:
        """How limits are kept."""
        return LimitSettings(**self.section("limits"))

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of a call that is given none; ``limits.wait`` is among them."""
        return Timeouts(**self.section("timeouts"), limit_wait=self.limits.wait)

    @property
    def prices(self) -> Mapping[str, Any]:
        """The table of prices as it is written."""
        prices: dict[str, Any] = {}
        for key, setting in self.settings.items():
            if key[0] == "prices":
                _put(prices, key[1:], setting.value)
        return prices

    def __repr__(self) -> str:
        return f"Config({', '.join(self.files) or 'no files'})"


def _put(table: dict[str, Any], key: Key, value: Any) -> None:
    for name in key[:-1]:
        table = table.setdefault(name, {})
    table[key[-1]] = value
