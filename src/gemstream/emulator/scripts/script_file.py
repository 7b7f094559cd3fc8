"""Scripts as TOML (or the same shape as JSON) → rules, limits and keys.

Every complaint is a ConfigError that names the file, the place in it, what was expected and the
nearest name that exists.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from ...errors import ConfigError, DecodeError
from ...wire.codec import JSONObject, from_plain
from ...wire.response import GenerateContentResponse
from ..limits import Keys, Limits, ModelLimits
from .faults import FAULTS, Fault
from .live_faults import LIVE_FAULTS
from .steps import Body, Chunk, Hears, Pause, Step, WaitForAck

__all__ = ("PlainRule", "PlainScript", "decode_script", "load_script")


S = TypeVar("S", bound=msgspec.Struct)


class PlainRule(msgspec.Struct, frozen=True):
    """A rule as the file has it: its conditions and its decoded steps."""

    match: JSONObject
    steps: Sequence[Step]


class PlainScript(msgspec.Struct, frozen=True):
    """All that a file has."""

    rules: Sequence[PlainRule]
    limits: Limits | None
    keys: Keys


def load_script(path: Path) -> PlainScript:
    """Return what is in the file at ``path``; raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the script {path} cannot be read: {error.strerror}") from error
    return _Reader(str(path), path.parent).read(data, is_json=path.suffix == ".json")


def decode_script(data: bytes, *, is_json: bool) -> PlainScript:
    """Return what is in ``data``; raises ConfigError, also for a step that names a file."""
    return _Reader("the script", None).read(data, is_json=is_json)


class _Reader:
    """Reads one script; ``folder`` is where the files it names are looked for."""

    __slots__ = ("_folder", "_source")

    def __init__(self, source: str, folder: Path | None) -> None:
        self._source = source
        self._folder = folder

    def read(self, data: bytes, *, is_json: bool) -> PlainScript:
        try:
            text = data.decode()
            plain = json.loads(text) if is_json else tomllib.loads(text)
        except ValueError as error:  # of UTF-8, JSON and TOML alike
            kind = "JSON" if is_json else "TOML"
            raise ConfigError(f"{self._source} is not {kind}: {error}") from None
        table = self._table(plain, "")
        self._known_keys(table, ("rule", "limits", "keys"), "")
        rules = self._list(table.get("rule", []), "rule")
        return PlainScript(
            [self._rule(rule, f"rule[{index}]") for index, rule in enumerate(rules)],
            self._limits(table["limits"]) if "limits" in table else None,
            self._keys(table.get("keys", {})),
        )

    def _limits(self, plain: Any) -> Limits:
        table = self._table(plain, "limits")
        names = [name for name in Limits.__struct_fields__ if name != "models"]
        self._known_keys(table, [*names, "model"], "limits")
        listed = self._list(table.pop("model", []), "limits.model")
        models = []
        for index, one in enumerate(listed):
            path = f"limits.model[{index}]"
            fields = self._table(one, path)
            self._known_keys(fields, ModelLimits.__struct_fields__, path)
            models.append(self._converted(fields, ModelLimits, path))
        limits = self._converted(table, Limits, "limits")
        return msgspec.structs.replace(limits, models=tuple(models))

    def _keys(self, plain: Any) -> Keys:
        if not isinstance(plain, dict):  # without the value: it may hold a key
            raise ConfigError(f"{self._source}: keys should be a table, written [keys]")
        self._known_keys(plain, Keys.__struct_fields__, "keys")
        try:
            return Keys(**plain)
        except ConfigError as error:
            raise ConfigError(f"{self._source}: {error}") from None

    def _rule(self, plain: Any, path: str) -> PlainRule:
        rule = self._table(plain, path)
        self._known_keys(rule, ("match", "step"), path)
        match = self._match(rule.get("match", {}), f"{path}.match")
        steps = self._list(rule.get("step", []), f"{path}.step")
        decoded = [self._step(step, f"{path}.step[{number}]") for number, step in enumerate(steps)]
        return PlainRule(match, decoded)

    def _match(self, plain: Any, path: str) -> JSONObject:
        match = self._table(plain, path)
        self._known_keys(match, _MATCH, path)
        for key, value in match.items():
            kind = _MATCH[key]
            if not isinstance(value, kind) or isinstance(value, bool):
                self._refuse(f"{path}.{key}", _NAMES[kind], value)
        try:
            re.compile(match.get("prompt", ""))
        except re.error as error:
            self._refuse(f"{path}.prompt", f"a regular expression ({error})", match["prompt"])
        return match

    def _step(self, plain: Any, path: str) -> Step:
        step = self._table(plain, path)
        self._known_keys(step, _STEPS, path)
        if len(step) != 1:
            self._refuse(path, f"exactly one of {', '.join(_STEPS)}", sorted(step))
        ((key, value),) = step.items()
        return _STEPS[key](self, value, f"{path}.{key}")

    def _chunk(self, value: Any, path: str) -> Step:
        if isinstance(value, str):
            return Chunk(value)
        table = self._table(value, path, "text or a table")
        try:
            from_plain(table, GenerateContentResponse)
        except DecodeError as error:
            where = error.path.removeprefix("$")
            raise ConfigError(f"{self._source}: {path}{where}: {error}") from None
        return Chunk(table)

    def _hears(self, value: Any, path: str) -> Step:
        if not isinstance(value, str):
            self._refuse(path, "text", value)
        return Hears(value)

    def _pause(self, value: Any, path: str) -> Step:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
            self._refuse(path, "a number of seconds, 0 or more", value)
        return Pause(float(value))

    def _wait(self, value: Any, path: str) -> Step:
        if value != "ack":
            self._refuse(path, "'ack'", value)
        return WaitForAck()

    def _body(self, value: Any, path: str) -> Step:
        table = {"path": value} if isinstance(value, str) else self._table(value, path)
        self._known_keys(table, ("path", "text", "status", "content_type", "slices"), path)
        if ("path" in table) == ("text" in table):
            self._refuse(path, "either a path or a text", sorted(table))
        text = table.pop("text", None)
        content = self._file(table.pop("path"), path) if text is None else str(text).encode()
        body = self._converted({**table, "content": b""}, Body, path)
        return msgspec.structs.replace(body, content=content)

    def _file(self, name: Any, path: str) -> bytes:
        if self._folder is None:
            self._refuse(path, "a text: a script sent to the emulator cannot name files", name)
        try:
            return (self._folder / str(name)).read_bytes()
        except OSError as error:
            self._refuse(path, f"a file that can be read ({error.strerror})", name)

    def _fault(self, value: Any, path: str) -> Step:
        table = self._table(value, path)
        kind = str(table.get("kind", ""))
        if kind not in _FAULTS:
            self._refuse(f"{path}.kind", f"one of {', '.join(_FAULTS)}", kind, _FAULTS)
        fields = {key: field for key, field in table.items() if key != "kind"}
        self._known_keys(fields, _FAULTS[kind].__struct_fields__, path)
        return self._converted(fields, _FAULTS[kind], path)

    def _converted(self, fields: JSONObject, kind: type[S], path: str) -> S:
        try:
            return msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self._source}: {path}: {error}") from None

    def _table(self, value: Any, path: str, expected: str = "a table") -> JSONObject:
        if not isinstance(value, dict):
            self._refuse(path, expected, value)
        return dict(value)

    def _list(self, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            self._refuse(path, f"an array of tables, written [[{path.partition('[')[0]}]]", value)
        return value

    def _known_keys(self, table: Mapping[str, Any], known: Iterable[str], path: str) -> None:
        names = tuple(known)
        for key in table:
            if key not in names:
                where = f"{path}.{key}" if path else key
                wrong = f"{where} is no key; the keys here are {', '.join(names)}"
                raise ConfigError(f"{self._source}: {wrong}{_nearest(key, names)}")

    def _refuse(
        self, path: str, expected: str, value: object, names: Iterable[str] = ()
    ) -> NoReturn:
        hint = _nearest(str(value), names)
        at = f"{path} " if path else ""
        raise ConfigError(f"{self._source}: {at}should be {expected}, not {value!r:.80}{hint}")


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else ""


_FAULTS: Mapping[str, type[Fault]] = {**FAULTS, **LIVE_FAULTS}
_MATCH: Mapping[str, type] = {"prompt": str, "model": str, "request": int, "method": str}
_NAMES: Mapping[type, str] = {str: "text", int: "a whole number"}
_STEPS: Mapping[str, Callable[[_Reader, Any, str], Step]] = {
    "chunk": _Reader._chunk,
    "pause": _Reader._pause,
    "wait": _Reader._wait,
    "hears": _Reader._hears,
    "body": _Reader._body,
    "fault": _Reader._fault,
}
