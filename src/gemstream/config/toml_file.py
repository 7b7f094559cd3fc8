"""A TOML file as tables, with the line on which each key stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError

__all__ = ("Key", "TOMLFile", "dotted", "key_lines", "parse_toml", "read_toml")

# The names on the way to a value, as ("providers", "gemini", "default_model").
Key = tuple[str, ...]

# Far more than settings take; who names a wrong file is told, and not kept waiting.
_MAX_SIZE = 1 << 20

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\\\n]*"|'[^'\n]*')"""
_NAMES = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_LINE = re.compile(
    rf"[ \t]*(?:\[(?P<array>\[)?[ \t]*(?P<table>{_NAMES})[ \t]*\]|(?P<key>{_NAMES})[ \t]*=)"
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class TOMLFile(NamedTuple):
    """What a file holds; ``lines`` are counted from 1, and lack a key of an inline table."""

    path: Path
    tables: Mapping[str, Any]
    lines: Mapping[Key, int]

    def place(self, key: Key) -> str:
        """Return the file and the line of ``key``, that of the nearest table around it at worst."""
        for length in range(len(key), 0, -1):
            if line := self.lines.get(key[:length]):
                return f"{self.path}:{line}"
        return str(self.path)


def read_toml(path: Path) -> TOMLFile:
    """Return what ``path`` holds; raises ConfigError with file and line."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from None
    if len(data) > _MAX_SIZE:
        raise ConfigError(f"{path} is larger than {_MAX_SIZE} bytes; that is no configuration")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 at byte {error.start}") from None
    return parse_toml(path, text)


def parse_toml(path: Path, text: str) -> TOMLFile:
    """Return what ``text``, the content of ``path``, holds; raises ConfigError."""
    import tomllib  # 3 ms, and most clients meet no file

    text = text.removeprefix("\ufeff")  # as some editors begin a file
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_told(path, text, str(error))) from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply; that is no configuration") from None
    lines: dict[Key, int] = {}
    for number, key in key_lines(text):
        for length in range(1, len(key) + 1):
            lines.setdefault(key[:length], number)
    return TOMLFile(path, tables, lines)


def key_lines(text: str) -> Iterator[tuple[int, Key]]:
    """Yield the number and the whole key of each line that begins a table or a value.

    A table of an array has its place in it behind the name, as ``("keys", "0")``. It reads line by
    line: inside of a text of many lines it may see a key where there is none.
    """
    table: Key = ()
    newest: dict[Key, int] = {}  # of each array
    for number, line in enumerate(text.split("\n"), start=1):
        if found := _LINE.match(line):
            if names := found["table"]:
                table = _in_arrays(_names(names), newest)
                if found["array"]:
                    newest[table] = newest.get(table, -1) + 1
                    table = (*table, str(newest[table]))
                yield number, table
            else:
                yield number, (*table, *_names(found["key"]))


def dotted(key: Key) -> str:
    """Return ``key`` as TOML writes it."""
    return ".".join(
        name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in key
    )


def _names(written: str) -> Key:
    return tuple(name[1:-1] if name[0] in "\"'" else name for name in re.findall(_NAME, written))


def _in_arrays(names: Key, newest: Mapping[Key, int]) -> Key:
    """Return the key of a table; one below an array belongs to its newest element."""
    key: Key = ()
    for name in names:
        key = (*key, str(newest[key]), name) if key in newest else (*key, name)
    return key


def _told(path: Path, text: str, message: str) -> str:
    """Return what is wrong with its file, line and key; tomllib ends with "(at line 3, …)"."""
    said = message[:1].lower() + message[1:]
    at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if at is None:
        return f"{path}: {said}"
    number = int(at[1] or text.count("\n") + 1)
    key = next((key for line, key in key_lines(text) if line == number), None)
    near = f"{dotted(key)}: " if key else ""
    return f"{path}:{number}: {near}{said[: at.start()]}"
