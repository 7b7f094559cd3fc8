"""Where a program keeps what it remembers from one run to the next, for one user of the machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError

__all__ = ("state_folder",)


def state_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Return gemstream's folder in the user's state folder; it need not exist.

    ``XDG_STATE_HOME`` where it is set; else ``~/.local/state``, on macOS
    ``~/Library/Application Support``, on Windows ``%LOCALAPPDATA%``. Raises ConfigError when the
    user has no home. Source: XDG Base Directory Specification 0.8, by which a relative path is
    ignored.
    """
    given = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):
        return Path(given) / "gemstream"
    local = environ.get("LOCALAPPDATA", "")
    if platform == "win32" and os.path.isabs(local):
        return Path(local) / "gemstream"
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise ConfigError(
            "this user has no home folder to keep state in; set XDG_STATE_HOME to an absolute path"
        )
    inner = "Library/Application Support" if platform == "darwin" else ".local/state"
    return Path(home) / inner / "gemstream"
