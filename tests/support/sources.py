"""Our source files as the structural tests see them: parsed, with their place in the package."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = "gemstream"


@dataclass(frozen=True)
class Source:
    """One Python file; ``path`` is relative to the folder that holds it and its siblings."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, text: str) -> Source:
        return cls(path, text, ast.parse(text, filename=path))

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def module(self) -> str:
        """The dotted name, such as ``gemstream.wire.sse``."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """The row of the layer table: ``wire`` for ``gemstream.wire.sse``."""
        parts = self.module.split(".")
        return parts[1] if len(parts) > 1 else "__init__"


def read_sources(folder: str) -> list[Source]:
    """Parse every Python file below a folder of the repository, in order of their paths."""
    top = REPOSITORY / folder
    return [
        Source.parse(path.relative_to(top).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(top.rglob("*.py"))
    ]


def parse_sources(texts: Mapping[str, str]) -> list[Source]:
    """Parse made-up files, for the tests that show a rule to fire."""
    return [Source.parse(path, text) for path, text in texts.items()]
