"""What a command line may say about limits, each option worded once."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

__all__ = ("LimitChoice", "LimitStoreName", "LimitWait", "NoRateLimit")

LimitWait = Annotated[
    float | None,
    typer.Option(
        "--limit-wait",
        metavar="SECONDS",
        help="Longest wait for a turn under the limits; 0 is not to wait.",
        show_default=False,
    ),
]
NoRateLimit = Annotated[bool, typer.Option("--no-rate-limit", help="Keep no limits.")]
LimitStoreName = Annotated[
    str | None,
    typer.Option(
        "--limit-store",
        metavar="WHERE",
        help="Where limits are counted: process, machine, or the URL of a Redis.",
        show_default=False,
    ),
]


class LimitChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What was said: how long to wait, to keep none at all, and where to count."""

    wait: float | None = None
    is_off: bool = False
    store: str | None = None
