"""Where the files of the configuration are looked for, the strongest first.

A project's file counts in its folder and below, up to the root of the repository; outside of a
repository only the working directory is looked at, for anybody may leave a file in a parent such as
``/tmp``.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = (
    "CONFIG_VARIABLE",
    "FILE_NAME",
    "Kind",
    "Place",
    "places",
    "user_file",
    "user_folder",
    "working_folder",
)

CONFIG_VARIABLE = "GEMSTREAM_CONFIG"
FILE_NAME = "gemstream.toml"
# Both spellings exist of the program whose provider sections we read.
_THEIRS = ("botticelli", "boticelli")


class Kind(enum.StrEnum):
    """Whose word a file is: only what the user wrote may send the key to another host."""

    NAMED = "named"
    PROJECT = "project"
    USER = "user"


class Place(NamedTuple):
    """A file that is read when it is there; ``is_theirs``: it is botticelli's."""

    path: Path
    kind: Kind
    is_theirs: bool = False


def places(environ: Mapping[str, str], folder: Path | None) -> list[Place]:
    """Return where to look from the working directory ``folder``, None when there is none.

    GEMSTREAM_CONFIG names a file that is read instead of all others; empty counts as unset.
    """
    if named := environ.get(CONFIG_VARIABLE):
        return [Place(_absolute(named, folder), Kind.NAMED)]
    return [*_project_places(folder), *_user_places(environ)]


def user_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the user's folder for gemstream: of XDG_CONFIG_HOME, %APPDATA%, else ~/.config."""
    root = _config_root(environ)
    return None if root is None else root / "gemstream"


def user_file(environ: Mapping[str, str]) -> Path | None:
    """Return where the user's ``gemstream.toml`` is or would be."""
    folder = user_folder(environ)
    return None if folder is None else folder / FILE_NAME


def working_folder() -> Path | None:
    """Return the folder in which we are, None when it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _project_places(folder: Path | None) -> Iterator[Place]:
    if folder is None:
        return
    upwards = _up_to_repository(folder)
    nearest = next((here for here in upwards if os.path.isfile(here / FILE_NAME)), folder)
    yield Place(nearest / FILE_NAME, Kind.PROJECT)
    for name in _THEIRS:
        yield Place(folder / f"{name}.toml", Kind.PROJECT, is_theirs=True)


def _user_places(environ: Mapping[str, str]) -> Iterator[Place]:
    root = _config_root(environ)
    if root is None:
        return
    yield Place(root / "gemstream" / FILE_NAME, Kind.USER)
    for name in _THEIRS:
        yield Place(root / name / f"{name}.toml", Kind.USER, is_theirs=True)


def _up_to_repository(folder: Path) -> list[Path]:
    """Return ``folder`` and its parents up to the repository's root, else ``folder`` alone."""
    upwards = [folder, *folder.parents]
    for count, here in enumerate(upwards, start=1):
        if os.path.exists(here / ".git"):  # a worktree's is a file
            return upwards[:count]
    return [folder]


def _config_root(environ: Mapping[str, str]) -> Path | None:
    for variable in ("XDG_CONFIG_HOME", "APPDATA"):
        given = environ.get(variable, "")
        if os.path.isabs(given):  # a relative one is invalid: XDG Base Directory, 0.8
            return Path(given)
    home = environ.get("HOME") or os.path.expanduser("~")
    return Path(home, ".config") if os.path.isabs(home) else None


def _absolute(named: str, folder: Path | None) -> Path:
    path = Path(os.path.expanduser(named))
    return path if folder is None else folder / path
