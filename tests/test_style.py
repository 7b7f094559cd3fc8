"""The part of our style that a machine can hold.

Taste stays with the reader; these rules are the ones that are either kept or not: the size of
functions and files, docstrings, no notes to ourselves, exports that are true, and no mocks. The
emulator is the double, so a test that needs a mock has found a seam in the wrong place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import pytest

import gemstream
from support.sources import Source, read_sources

MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 400
NOTES = re.compile(r"\b(TODO|FIXME|XXX)\b")
MOCK_MODULES = ("mock", "unittest.mock", "pytest_mock")
# The environment and the working directory are the world, not our code: a test may set those.
PATCHES = ("setattr", "delattr", "setitem", "delitem")

Finding = tuple[int, str]
Rule = Callable[[Source], Iterator[Finding]]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


# --- the rules -------------------------------------------------------------------------------


def long_functions(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, _FUNCTION) and (size := _body_lines(node)) > MAX_FUNCTION_LINES:
            yield node.lineno, f"{node.name} has {size} lines, more than {MAX_FUNCTION_LINES}"


def long_files(source: Source) -> Iterator[Finding]:
    if (size := len(source.text.splitlines())) > MAX_FILE_LINES:
        yield 1, f"the file has {size} lines, more than {MAX_FILE_LINES}"


def missing_docstrings(source: Source) -> Iterator[Finding]:
    if not ast.get_docstring(source.tree):
        yield 1, "the file does not say what it is"
    for node, name in _public_definitions(source.tree.body):
        if not ast.get_docstring(node):
            yield node.lineno, f"{name} has no docstring"


def notes_to_ourselves(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if note := NOTES.search(line):
            yield number, f"{note[0]}: do it, or open an issue"


def untrue_exports(source: Source) -> Iterator[Finding]:
    """Hold ``__all__`` to what the module defines; a module without one exports nothing special."""
    found = _exports(source.tree)
    if found is None:
        return
    line, exports = found
    if sorted(set(exports)) != sorted(exports):
        yield line, "__all__ names something twice"
    defined = _bound_names(source.tree.body)
    if "__getattr__" not in defined:
        for name in exports:
            if name not in defined:
                yield line, f"__all__ names {name}, which the module does not define"
    for name in exports:
        if name.startswith("_") and not name.endswith("__"):
            yield line, f"__all__ names {name}, which is private"
    for node in source.tree.body:
        if _is_public_definition(node) and node.name not in exports:
            yield node.lineno, f"{node.name} is public and not in __all__"


def mocks(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names) if any(alias.name in MOCK_MODULES for alias in names):
                yield node.lineno, "imports a mock library"
            case ast.ImportFrom(module=module, names=names) if module in MOCK_MODULES or (
                module == "unittest" and any(alias.name == "mock" for alias in names)
            ):
                yield node.lineno, "imports a mock library"
            case ast.arg(arg="mocker"):
                yield node.lineno, "asks for a mocker"
            case ast.Call(func=ast.Name(id="patch") | ast.Attribute(attr="patch")):
                yield node.lineno, "patches"
            case ast.Attribute(value=ast.Name(id="monkeypatch"), attr=attr) if attr in PATCHES:
                yield node.lineno, f"monkeypatch.{attr}: only the environment may be set"


RULES_OF_SOURCES = (
    long_functions,
    long_files,
    missing_docstrings,
    notes_to_ourselves,
    untrue_exports,
)


def _body_lines(function: Function) -> int:
    """Lines of code from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def _public_definitions(body: list[ast.stmt]) -> Iterator[tuple[Definition, str]]:
    """Public functions and classes of a module, and the public methods of those classes."""
    for node in body:
        if _is_public_definition(node):
            yield node, node.name
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, _FUNCTION) and _is_public_definition(method):
                        yield method, f"{node.name}.{method.name}"


def _is_public_definition(node: ast.stmt) -> bool:
    """Overloads and the setters of a property are documented where they are first defined."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    again = any(name.endswith(("overload", ".setter", ".deleter")) for name in decorators)
    return not node.name.startswith("_") and not again


def _exports(tree: ast.Module) -> tuple[int, tuple[str, ...]] | None:
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
            ):
                return node.lineno, tuple(ast.literal_eval(value))
    return None


def _bound_names(body: list[ast.stmt]) -> set[str]:
    """The names that statements at the top of a module bind, inside its ``if`` and ``try`` too."""
    names: set[str] = set()
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.Assign() | ast.AnnAssign():
                names |= _assigned_names(node)
            case ast.If(body=body, orelse=orelse):
                names |= _bound_names([*body, *orelse])
            case ast.Try(body=body, handlers=handlers, orelse=orelse):
                names |= _bound_names([*body, *orelse])
                for handler in handlers:
                    names |= _bound_names(handler.body)
    return names


def _assigned_names(node: ast.stmt) -> set[str]:
    return {
        name.id
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }


# --- our files -------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES_OF_SOURCES, ids=lambda rule: rule.__name__)
def test_our_sources_have_no(rule: Rule) -> None:
    found = _findings(rule, read_sources("src"))
    assert not found, "\n".join(found)


def test_our_tests_have_no_mocks() -> None:
    found = _findings(mocks, read_sources("tests"))
    assert not found, "\n".join(found)


def test_every_public_name_of_gemstream_can_be_had() -> None:
    assert [name for name in gemstream.__all__ if not hasattr(gemstream, name)] == []
    assert set(gemstream.__all__) <= set(dir(gemstream))


def _findings(rule: Rule, sources: list[Source]) -> list[str]:
    return [f"{source.path}:{line}: {said}" for source in sources for line, said in rule(source)]


# --- every rule fires ------------------------------------------------------------------------

_FIFTY_LINES = "    x = 1\n" * MAX_FUNCTION_LINES

BREACHES = [
    (long_functions, f"def f():\n{_FIFTY_LINES}    y = 1\n", "1: f has 51 lines, more than 50"),
    (
        long_functions,
        f"class A:\n  async def f(s):\n{_FIFTY_LINES}    y = 1\n",
        "2: f has 51 lines",
    ),
    (long_files, "x = 1\n" * 401, "1: the file has 401 lines, more than 400"),
    (missing_docstrings, "x = 1", "1: the file does not say what it is"),
    (missing_docstrings, "'''A.'''\ndef f(): ...", "2: f has no docstring"),
    (missing_docstrings, "'''A.'''\nclass A: ...", "2: A has no docstring"),
    (
        missing_docstrings,
        "'''A.'''\nclass A:\n  '''A.'''\n  async def f(self): ...",
        "4: A.f has no docstring",
    ),
    (notes_to_ourselves, "x = 1  # TODO later", "1: TODO: do it, or open an issue"),
    (notes_to_ourselves, "'''FIXME'''", "1: FIXME: do it, or open an issue"),
    (untrue_exports, "__all__ = ('a', 'a')\na = 1", "1: __all__ names something twice"),
    (untrue_exports, "__all__ = ('b',)", "1: __all__ names b, which the module does not define"),
    (untrue_exports, "__all__ = ('b',)\na = b", "1: __all__ names b, which the module does not"),
    (untrue_exports, "__all__ = ['_c']\n_c = 1", "1: __all__ names _c, which is private"),
    (untrue_exports, "__all__ = ()\nclass D: ...", "2: D is public and not in __all__"),
    (mocks, "from unittest import mock", "1: imports a mock library"),
    (mocks, "import unittest.mock", "1: imports a mock library"),
    (mocks, "from unittest.mock import Mock", "1: imports a mock library"),
    (mocks, "def test_it(mocker): ...", "1: asks for a mocker"),
    (mocks, "with patch('gemstream.net.http'): ...", "1: patches"),
    (mocks, "m.patch('gemstream.net.http')", "1: patches"),
    (mocks, "monkeypatch.setattr(net, 'open', None)", "1: monkeypatch.setattr"),
]

NO_BREACHES = [
    (long_functions, f"def f():\n    '''A.\n\n    B.\n    '''\n{_FIFTY_LINES}"),
    (long_files, "x = 1\n" * 400),
    (
        missing_docstrings,
        "'''A.'''\n"
        "class A:\n  '''A.'''\n"
        "  def __init__(self): ...\n"
        "  def _g(self): ...\n"
        "  @property\n  def h(self):\n    '''H.'''\n"
        "  @h.setter\n  def h(self, value): ...\n"
        "@typing.overload\ndef f(a: int): ...\n"
        "def f(a):\n  '''F.'''\n  def inner(): ...\n"
        "def _private(): ...\n"
        "class _Private:\n  def f(self): ...\n",
    ),
    (notes_to_ourselves, "methodology = 'todos'"),
    (
        untrue_exports,
        "__all__ = ('A', 'B', 'c', 'd', 'e')\n"
        "from .a import A\n"
        "class B: ...\n"
        "def c(): ...\n"
        "d: int = 1\n"
        "try:\n  import x\nexcept ImportError:\n  e = None\n"
        "def _f(): ...\n",
    ),
    (untrue_exports, "__all__ = ('A',)\ndef __getattr__(name): ..."),
    (untrue_exports, "class A: ..."),
    (mocks, "monkeypatch.setenv('CI', 'true')\nmonkeypatch.chdir(tmp_path)"),
]


@pytest.mark.parametrize(("rule", "text", "sentence"), BREACHES)
def test_a_breach_is_seen(rule: Rule, text: str, sentence: str) -> None:
    source = Source.parse("a.py", text)
    assert any(said.startswith(f"a.py:{sentence}") for said in _findings(rule, [source]))


@pytest.mark.parametrize(("rule", "text"), NO_BREACHES)
def test_what_the_rule_allows_passes(rule: Rule, text: str) -> None:
    assert _findings(rule, [Source.parse("a.py", text)]) == []
