"""The code blocks of a documentation page, and the marks that say how each is run.

A mark is an HTML comment on a line of its own. ``needs: emulator`` and ``needs: relay`` (one in
front of an emulator) hold for the whole page; the others belong to the block right below them:
``not run: <reason>``, ``exit: <code>`` and ``file: <name>``, which writes the block to that file in
the page's folder instead of running it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SHELLS = ("console", "bash", "sh")
RUNNABLE = ("python", "toml", *SHELLS)
SERVERS = ("emulator", "relay")
# Spellings that would read as code and silently not run.
_MISSPELT = {
    "py": "python",
    "python3": "python",
    "pycon": "python",
    "shell": "console",
    "shell-session": "console",
    "zsh": "bash",
}
# Commands that change the reader's machine or need a clone: they are shown, never run.
_INSTALLS = re.compile(
    r"(git clone|cd gemstream|make|pip3?|pipx|uv|uvx|python3? -m (pip|venv)|source|apt(-get)?|brew"
    r"|docker|sudo)\b"
)
_FENCE = re.compile(r"(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<language>[^\s`]*)[^`]*")
_MARK = re.compile(r"\s*<!--\s*(?P<key>needs|not run|exit|file):\s*(?P<value>.*?)\s*-->\s*")


class PageError(Exception):
    """A page that cannot be run as it is written; the message opens with ``page:line``."""


@dataclass(frozen=True)
class Command:
    """One command of a console block, with the output the page shows for it."""

    text: str
    output: str


@dataclass(frozen=True)
class Block:
    """One fenced block; ``line`` is where its code begins."""

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        is_used = self.language in RUNNABLE or "file" in self.marks
        return is_used and "not run" not in self.marks

    @property
    def exit_code(self) -> int:
        """What the last command of the block ends with."""
        return int(self.marks.get("exit", "0"))

    @property
    def commands(self) -> list[Command]:
        """The ``$ `` lines with the output below each; without any, a script is one command."""
        if not re.search(r"^\$ ", self.text, re.MULTILINE):
            return [] if self.language == "console" else [Command(self.text, "")]
        commands: list[Command] = []
        for prompt in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            lines = prompt.splitlines()
            last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
            text, output = lines[: last + 1], lines[last + 1 :]
            commands.append(Command("\n".join(text), "\n".join(output)))
        return commands


@dataclass(frozen=True)
class Page:
    """One page; ``name`` is its path in the repository, ``needs`` the server that it talks to."""

    name: str
    needs: str | None
    blocks: tuple[Block, ...]


def parse_page(name: str, text: str) -> Page:
    """Read a page. Raises `PageError` for a mark or a block that would not do what it seems to."""
    blocks: list[Block] = []
    marks: dict[str, str] = {}
    needs: str | None = None
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        if mark := _MARK.fullmatch(line):
            if mark["key"] == "needs":
                needs = _checked_need(f"{name}:{number}", mark["value"])
            else:
                marks[mark["key"]] = mark["value"]
        elif fence := _FENCE.fullmatch(line):
            code = _read_fence(f"{name}:{number}", fence, lines)
            block = Block(name, number + 1, fence["language"], code, marks)
            _check_block(block)
            blocks.append(block)
            marks = {}
        elif line.strip() and marks:
            raise PageError(f"{name}:{number}: the mark above belongs to no block")
    if marks:
        raise PageError(f"{name}: the last mark belongs to no block")
    return Page(name, needs, tuple(blocks))


def _read_fence(place: str, fence: re.Match[str], lines: enumerate[str]) -> str:
    """The lines up to the closing fence, without the indentation of the opening one."""
    indent, opening = fence["indent"], fence["fence"]
    closing = re.compile(rf"\s*{opening[0]}{{{len(opening)},}}\s*")
    code: list[str] = []
    for _, line in lines:
        if closing.fullmatch(line):
            return "\n".join(code)
        code.append(line.removeprefix(indent))
    raise PageError(f"{place}: the block is never closed")


def _checked_need(place: str, need: str) -> str:
    if need not in SERVERS:
        raise PageError(f"{place}: a page can need the {' or the '.join(SERVERS)}, not {need!r}")
    return need


def _check_block(block: Block) -> None:
    if not block.language:
        raise PageError(f"{block.place}: the block names no language; use text if it is none")
    if block.language in _MISSPELT:
        raise PageError(f"{block.place}: write {_MISSPELT[block.language]} so that the block runs")
    if block.marks.get("not run") == "":
        raise PageError(f"{block.place}: 'not run' needs a reason")
    if not re.fullmatch(r"\d+", block.marks.get("exit", "0")):
        raise PageError(f"{block.place}: 'exit' needs a number")
    if block.language in SHELLS and block.is_run and "file" not in block.marks:
        _check_commands(block)


def _check_commands(block: Block) -> None:
    if not block.commands:
        raise PageError(f"{block.place}: a console block shows its commands with '$ '")
    for command in block.commands:
        if installs := _INSTALLS.match(command.text):
            raise PageError(f"{block.place}: mark it 'not run', it runs {installs[0]!r}")
