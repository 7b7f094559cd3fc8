"""A docstring → what it says of its function and of each parameter.

Strategy. The styles of Google, NumPy and Sphinx are told apart by the line that begins a section;
what stands before the first is the description. Anything that is no entry for a parameter is left
out, for the rest of a docstring (what is returned, what is raised) is written for people.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

__all__ = ("Docstring", "read_docstring")

_OF_PARAMETERS = frozenset(
    ("args", "arguments", "parameters", "params", "keyword args", "keyword arguments")
)
_OF_OTHERS = (
    "attributes example examples note notes raises references return returns todo warning "
    "warnings yield yields"
)
_SECTIONS = {*_OF_PARAMETERS, *_OF_OTHERS.split(), "other parameters", "see also"}
_HEADER = re.compile(r"(\w[\w ]*):")
_UNDERLINE = re.compile(r"-{3,}")
_FIELD = re.compile(r":(?P<field>\w+)(?:\s+(?P<argument>[^:]+))?:\s*(?P<text>.*)")
_PARAMETER_FIELDS = frozenset(("param", "parameter", "arg", "argument", "key", "keyword"))
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\(.*?\)\s*)?:(?:\s+(?P<text>.*))?")
_NUMPY_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")


class Docstring(msgspec.Struct, frozen=True):
    """``description`` is all before the first section; ``parameters`` takes names to texts."""

    description: str
    parameters: dict[str, str]


def read_docstring(text: str | None) -> Docstring:
    """Return what ``text`` says; a text of no known style is all description."""
    lines = inspect.cleandoc(text or "").splitlines()
    places = [at for at in range(len(lines)) if _begins_section(lines, at)]
    first = places[0] if places else len(lines)
    parameters: dict[str, str] = {}
    for start, end in pairwise([*places, len(lines)]):
        for name, said in _entries(lines[start:end]):
            if joined := " ".join(filter(None, map(str.strip, said))):
                parameters[name] = joined
    return Docstring("\n".join(lines[:first]).strip(), parameters)


def _begins_section(lines: list[str], at: int) -> bool:
    line = lines[at]
    header = _HEADER.fullmatch(line.rstrip())
    if header is not None:
        return header[1].lower() in _SECTIONS
    return _is_underlined(lines, at) or _FIELD.match(line) is not None


def _is_underlined(lines: list[str], at: int) -> bool:
    is_name = lines[at].strip().lower() in _SECTIONS
    return is_name and at + 1 < len(lines) and bool(_UNDERLINE.fullmatch(lines[at + 1].strip()))


def _entries(section: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield name and lines of each parameter that a section is about."""
    if field := _FIELD.match(section[0]):
        yield from _of_field(field, section)
    elif section[0].strip().rstrip(":").lower() in _OF_PARAMETERS:
        if _is_underlined(section, 0):
            yield from _of_numpy(section[2:])
        else:
            yield from _of_google(section[1:])


def _of_field(field: re.Match[str], section: list[str]) -> Iterator[tuple[str, list[str]]]:
    words = (field["argument"] or "").split()
    if field["field"] in _PARAMETER_FIELDS and words:
        yield words[-1].lstrip("*"), [field["text"], *_until_blank(section[1:])]  # type, then name


def _of_google(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    body = _indented(lines)
    indent = min((_indent(line) for line in body if line.strip()), default=0)
    for head, rest in _grouped(body, indent):
        if entry := _GOOGLE_ENTRY.fullmatch(head.strip()):
            yield entry["name"], [entry["text"] or "", *rest]


def _of_numpy(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    for head, rest in _grouped(lines, 0):
        if entry := _NUMPY_ENTRY.fullmatch(head.strip()):
            for name in entry["names"].split(","):
                yield name.strip().lstrip("*"), rest


def _grouped(lines: list[str], indent: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each line of this indent with those below it that are deeper."""
    head, rest = "", list[str]()
    for line in lines:
        if line.strip() and _indent(line) <= indent:
            if head:
                yield head, rest
            head, rest = line, []
        else:
            rest.append(line)
    if head:
        yield head, rest


def _indented(lines: list[str]) -> list[str]:
    """Return the lines before the first that stands at the margin."""
    ends = (at for at, line in enumerate(lines) if line.strip() and not _indent(line))
    return lines[: next(ends, len(lines))]


def _until_blank(lines: list[str]) -> list[str]:
    ends = (at for at, line in enumerate(lines) if not line.strip())
    return lines[: next(ends, len(lines))]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
