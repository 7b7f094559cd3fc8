"""Where the master secret comes from: the environment, or a file that is made at the first use.

The file is readable by its owner only, stands in the state folder and not in the database, so a
copy of the database is worth nothing without it. Several workers may make it at the same moment:
one of them wins, all read the same.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ...config.state_folder import state_folder
from ...errors import ConfigError
from .master import MasterSecret, parse_master

__all__ = ("MASTER_VARIABLE", "master_file", "read_master")

MASTER_VARIABLE = "GEMSTREAM_RELAY_SECRET"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LONGEST = 64 * 1024


def master_file(environ: Mapping[str, str]) -> Path:
    """Return where the master secret is kept. Raises ConfigError when the user has no home."""
    return state_folder(environ) / "relay.secret"


def read_master(environ: Mapping[str, str], path: Path | None = None) -> MasterSecret:
    """Return the master secret of the environment, else of the file, which is made when missing.

    ``path``: the file, by default ``master_file``. Raises ConfigError for a secret that cannot be
    used, and for a file that others may read. Blocks for as long as the disk does.
    """
    given = environ.get(MASTER_VARIABLE)
    if given is not None:
        return parse_master(given)
    path = path or master_file(environ)
    try:
        if not path.exists():
            _make(path)
        text = _text_of(path)
    except OSError as error:
        raise ConfigError(
            f"the relay's master secret at {path} cannot be read or made: {error.strerror}; "
            f"make its folder accessible, or set {MASTER_VARIABLE}"
        ) from None
    return parse_master(text)


def _make(path: Path) -> None:
    """Write a new secret, whole or not at all, unless another process was first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".relay-secret-", dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(f"1:{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


def _text_of(path: Path) -> str:
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        text = file.read(_LONGEST)
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigError(
            f"the relay's master secret at {path} may be read by others (mode {mode & 0o777:o}); "
            f"run: chmod 600 {path}"
        )
    try:
        return text.decode("ascii")
    except UnicodeDecodeError:
        raise ConfigError(
            f"the relay's master secret at {path} is not ASCII text; it was damaged, so put back "
            "a copy of it"
        ) from None
