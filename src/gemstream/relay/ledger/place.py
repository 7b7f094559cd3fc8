"""Where the books of a relay are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...config.relay.options import RelayOptions
from ...config.state_folder import state_folder

__all__ = ("ledger_url",)


def ledger_url(options: RelayOptions, environ: Mapping[str, str]) -> str:
    """Return where the books are: as the options say, else a file in the state folder.

    A row is on its way to the disk before its attempt is sent, and there milliseconds later: a
    process that is killed loses none. ``durability=disk`` waits for the disk, 0.3 to 6 ms a row.
    """
    folder: Path = state_folder(environ)
    url = options.ledger.url or f"sqlite:///{folder / 'relay.sqlite3'}"
    is_plain = url.startswith("sqlite:") and "?" not in url
    return f"{url}?durability=process" if is_plain else url
