"""Setting a few texts in a TOML file of somebody else's hand: all else stays as it was written."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .toml_file import Key, dotted, key_lines, parse_toml

__all__ = ("with_texts",)

_TEXT = re.compile(r"""(?P<before>[^=]*=[ \t]*)(?:"[^"\\]*"|'[^']*')(?P<after>[ \t]*(?:#.*)?\r?)""")


def with_texts(path: Path, text: str, table: Key, values: Mapping[str, str]) -> str:
    """Return ``text``, the content of ``path``, with ``values`` in ``table``.

    A value that is there is replaced on its line; another goes below the table's header, which is
    added at the end when there is none. Raises ConfigError for a file that is broken, or so written
    that this would not do it.
    """
    wanted: dict[str, Any] = copy.deepcopy(dict(parse_toml(path, text).tables))
    here = wanted
    for name in table:
        here = here.setdefault(name, {})
        if not isinstance(here, dict):
            raise _not_ours(path, table, values)
    if all(here.get(name) == value for name, value in values.items()):
        return text
    here.update(values)
    changed = text
    for name, value in values.items():
        changed = _with_text(changed, table, name, value)
    try:
        done = parse_toml(path, changed).tables == wanted
    except ConfigError:
        done = False
    if not done:
        raise _not_ours(path, table, values)
    return changed


def _with_text(text: str, table: Key, name: str, value: str) -> str:
    lines = text.split("\n")
    numbers = {key: number - 1 for number, key in reversed(list(key_lines(text)))}
    written = json.dumps(value, ensure_ascii=False)
    if (at := numbers.get((*table, name))) is not None:
        if found := _TEXT.fullmatch(lines[at]):
            lines[at] = f"{found['before']}{written}{found['after']}"
    elif (at := numbers.get(table)) is not None:
        lines.insert(at + 1, f"{name} = {written}")
    else:
        before = [text.rstrip("\n"), ""] if text.strip() else []
        lines = [*before, f"[{dotted(table)}]", f"{name} = {written}", ""]
    return "\n".join(lines)


def _not_ours(path: Path, table: Key, values: Mapping[str, str]) -> ConfigError:
    said = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    return ConfigError(
        f"{path} is written in a way that is not changed here; put {said} below [{dotted(table)}] "
        "in it yourself"
    )
