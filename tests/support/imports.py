"""Every import statement of a source file, with what it names and when it runs."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum

from support.sources import Source


class When(Enum):
    """When an import statement runs."""

    LOAD = "as the module loads"
    CALL = "as a function is called"
    TYPING = "only for the type checker"


@dataclass(frozen=True)
class Import:
    """One imported name; ``import gemstream.wire`` has only a module."""

    source: Source
    line: int
    module: str
    name: str | None
    when: When

    @property
    def library(self) -> str:
        """The top-level package that is imported."""
        return self.module.partition(".")[0]


def imports_of(source: Source) -> list[Import]:
    """List the imports of a file, relative ones resolved."""
    collector = _Collector(source)
    collector.visit(source.tree)
    return collector.found


class _Collector(ast.NodeVisitor):
    def __init__(self, source: Source) -> None:
        self.found: list[Import] = []
        self._source = source
        self._when = When.LOAD

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name, None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = _absolute(node, self._source)
        for alias in node.names:
            self._add(node, module, alias.name)

    def visit_If(self, node: ast.If) -> None:
        if not ast.unparse(node.test).endswith("TYPE_CHECKING"):
            self.generic_visit(node)
            return
        self._visit_all(node.body, When.TYPING)
        self._visit_all(node.orelse, self._when)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(node.body, When.CALL)

    visit_AsyncFunctionDef = visit_FunctionDef

    def _visit_all(self, nodes: list[ast.stmt], when: When) -> None:
        before, self._when = self._when, when
        for node in nodes:
            self.visit(node)
        self._when = before

    def _add(self, node: ast.stmt, module: str, name: str | None) -> None:
        self.found.append(Import(self._source, node.lineno, module, name, self._when))


def _absolute(node: ast.ImportFrom, source: Source) -> str:
    """The module that an ``import from`` means: one dot is the package the file is in."""
    if node.level == 0:
        return node.module or ""
    parts = source.module.split(".")
    climb = node.level - 1 if source.is_package else node.level
    parts = parts[: len(parts) - climb]
    return ".".join([*parts, node.module] if node.module else parts)
