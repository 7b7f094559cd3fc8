"""Reading the configuration: the files that are found, merged key by key."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from ..errors import ConfigError
from .config import Config, Setting
from .keys import Found, found_in
from .places import CONFIG_VARIABLE, Kind, Place, places, working_folder
from .prices import REQUIRED
from .theirs import in_our_words
from .tier_choice import is_googles
from .tier_rows import slips_in, tiers_with
from .toml_file import Key, dotted, read_toml

__all__ = ("ConfigSource", "load_config")

ConfigSource = Config | str | os.PathLike[str] | Literal[False] | None


def load_config(source: ConfigSource = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration.

    ``source``: None for the files that are found, a path for that file alone, False for none; a
    Config is itself. A file is read once, and again when it has changed. Raises ConfigError for a
    file that cannot be read or means nothing, with its line and key.
    """
    if isinstance(source, Config):
        return source
    if source is False:
        return _merged(())
    if source is None:
        found = places(environ, working_folder())
    else:
        found = [Place(_given_path(source), Kind.NAMED)]
    return _merged(tuple(_stamps(found, by_variable=source is None)))


def _given_path(source: object) -> Path:
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    if not isinstance(path, str) or not path:
        raise ConfigError(
            f"config is {source!r:.80}; pass the path of a file, a Config, or False for no files"
        )
    return Path(os.path.abspath(os.path.expanduser(path)))


class _Stamp(NamedTuple):
    """A file as it was last changed."""

    place: Place
    changed: int
    size: int


def _stamps(found: Iterable[Place], *, by_variable: bool) -> Iterator[_Stamp]:
    for place in found:
        try:
            status = os.stat(place.path)
        except (OSError, ValueError) as error:
            if place.kind is Kind.NAMED:
                who = CONFIG_VARIABLE if by_variable else "config"
                reason = getattr(error, "strerror", None) or error
                raise ConfigError(f"{who} names {place.path}: {reason}") from None
            continue
        if place.kind is Kind.NAMED or os.path.isfile(place.path):
            yield _Stamp(place, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=32)
def _merged(stamps: tuple[_Stamp, ...]) -> Config:
    """Return the files merged key by key, the first that has a key winning."""
    settings: dict[Key, Setting] = {}
    for stamp in reversed(stamps):
        for found in _layer(stamp.place):
            settings[found.key] = Setting(found.value, found.place)
    _check_prices(settings)
    return Config(
        settings=settings,
        files=tuple(str(stamp.place.path) for stamp in stamps),
        warnings=tuple(slips_in(settings)),
        tiers=tiers_with(settings),
    )


def _check_prices(settings: Mapping[Key, Setting]) -> None:
    """Raise ConfigError for prices that lack one that nothing stands in for."""
    for table in {key[:-1]: None for key in settings if key[0] == "prices"}:
        own = [name for name in settings if name[: len(table)] == table]
        for name in REQUIRED:
            if (*table, name) not in settings:
                raise ConfigError(
                    f"{settings[own[0]].origin}: {dotted(table)} has no {name}; give "
                    f"{' and '.join(REQUIRED)} in USD per million tokens"
                )


def _layer(place: Place) -> Iterator[Found]:
    file = read_toml(place.path)
    for found in found_in(in_our_words(file) if place.is_theirs else file):
        if place.kind is Kind.PROJECT:
            _check_harmless(found)
        yield found


def _check_harmless(found: Found) -> None:
    """Refuse what a project's file may not say.

    Whoever wrote it would otherwise choose where the keys of everybody go who works there.
    """
    if found.key[-1] == "base_url" and not _is_harmless(found.value):
        raise ConfigError(
            f"{found.place}: {dotted(found.key)} sends your key to another host, which a project's "
            "file may not; put it into your own gemstream.toml, or set GOOGLE_GEMINI_BASE_URL"
        )
    if found.key == ("limits", "store") and "@" in found.value:
        raise ConfigError(
            f"{found.place}: limits.store holds a user or password, and a project's file is "
            "committed; put it into your own gemstream.toml"
        )


def _is_harmless(url: str) -> bool:
    if is_googles(url):
        return urlsplit(url).scheme == "https"
    try:
        return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False
