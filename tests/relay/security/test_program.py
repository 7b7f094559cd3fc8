"""What the program is made of: no statement of input, nothing that runs, no default secret."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gemstream.config.relay.loading import load_relay
from gemstream.config.relay.options import AdminOptions, RelayOptions
from gemstream.errors import ConfigError

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "gemstream"
RELAY = sorted(
    file
    for folder in (
        "relay",
        "stores",
        "config/relay",
        "wire/dialect",
        "policy/key",
        "policy/account",
    )
    for file in (SOURCE / folder).rglob("*.py")
)
STATEMENTS = sorted(
    file for folder in ("relay", "stores") for file in (SOURCE / folder).rglob("*.py")
)

_SQL = re.compile(
    r"\b(?:SELECT\b.*\bFROM|INSERT INTO|UPDATE\b.*\bSET|DELETE FROM|CREATE TABLE|DROP TABLE|ALTER"
    r" TABLE|WHERE\b.*[=<>?]|GROUP BY|ORDER BY|SELECT pg_)",
    re.DOTALL,
)
# A constant of a module may stand in a statement, and nothing else but these, each of which was
# read when it was put here: conditions and columns chosen from constants, never a value.
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
_OWN_WORDS: dict[str, set[str]] = {
    "relay/ledger/attempt_row.py": {"mine"},
    "relay/ledger/report.py": {"column", "parts", "where"},
    "relay/ledger/retention.py": {"live_rows"},
    "relay/ledger/sums.py": {"columns", "where"},
}


def _parts(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what is put into a text by an f-string, ``%``, ``+`` or ``format``."""
    match node:
        case ast.JoinedStr():
            yield from (
                value.value for value in node.values if isinstance(value, ast.FormattedValue)
            )
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            yield from (side for side in (node.left, node.right) if not _is_constant(side))
        case ast.Call(func=ast.Attribute(attr="format" | "format_map" | "replace")):
            yield from (*node.args, *(keyword.value for keyword in node.keywords))


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr)


def _text(node: ast.AST) -> str:
    return " ".join(
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def _names(node: ast.expr) -> set[str]:
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return {name for name in found if name not in _BUILTINS and not _CONSTANT.fullmatch(name)}


_BUILTINS = ("len", "name")  # ``name``: of a loop over constants, as in ", ".join


def built_statements(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Yield line and names of each statement of SQL that is put together."""
    for node in ast.walk(tree):
        parts = list(_parts(node))
        if parts and _SQL.search(_text(node)):
            names = {name for part in parts for name in _names(part)}
            yield getattr(node, "lineno", 0), names


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_statement_is_made_of_input(file: Path) -> None:
    known = _OWN_WORDS.get(str(file.relative_to(SOURCE)), set())
    for line, names in built_statements(ast.parse(file.read_text())):
        strange = names - known
        assert not strange, f"{file.name}:{line}: {strange} in a statement; pass it as an argument"


@pytest.mark.parametrize(
    "written",
    [
        "f\"SELECT a FROM b WHERE c = '{key}'\"",
        '"SELECT a FROM b WHERE c = \'" + key + "\'"',
        "\"SELECT a FROM b WHERE c = '%s'\" % key",
        "\"SELECT a FROM b WHERE c = '{}'\".format(key)",
        "\"DELETE FROM b WHERE c = :key\".replace(':key', key)",
        'f"INSERT INTO {table} VALUES (?)"',
    ],
)
def test_a_statement_of_input_would_be_found(written: str) -> None:
    assert any(names for _, names in built_statements(ast.parse(written)))


_RUNNING = {"eval", "exec", "compile", "__import__", "system", "popen", "Popen", "spawn", "fork",
            "execv", "loads", "unpickle", "create_subprocess_exec", "create_subprocess_shell",
            "check_output", "import_module", "run_module", "from_string"}  # fmt: skip
_MODULES = {"subprocess", "pickle", "marshal", "shelve", "jinja2", "yaml", "ctypes", "runpy",
            "code", "xml", "lxml", "importlib", "urllib.request", "http.client"}  # fmt: skip
# A migration is read from the package by its own name, the processes are the relay's own workers.
_ALLOWED = {
    ("importlib", "relay/migrations.py"),
    ("importlib", "stores/migrations.py"),
    ("pickle", "relay/server/supervisor.py"),
}


@pytest.mark.parametrize("file", RELAY, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_in_the_relay_runs_or_fetches_what_it_was_sent(file: Path) -> None:
    """CVE-2026-42271, -30623, -90898 (commands), -42203, -2952 (templates), -86242 (plugins)."""
    where = str(file.relative_to(SOURCE))
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case (
                ast.Call(func=ast.Name(id=name))
                | ast.Call(
                    func=ast.Attribute(value=ast.Name(id="os" | "asyncio" | "builtins"), attr=name)
                )
            ):
                assert name not in _RUNNING, f"{where}:{node.lineno}: {name}"
            case ast.Import():
                for alias in node.names:
                    assert _is_allowed(alias.name, where), f"{where}:{node.lineno}: {alias.name}"
            case ast.ImportFrom(module=str(module), level=0):
                assert _is_allowed(module, where), f"{where}:{node.lineno}: {module}"


def _is_allowed(module: str, where: str) -> bool:
    roots = {module, module.partition(".")[0]}
    return not roots & _MODULES or any((root, where) in _ALLOWED for root in roots)


def test_what_was_attacked_is_not_among_the_dependencies() -> None:
    """Starlette rebuilt URLs of the Host header (CVE-2026-48710); others run what they are sent."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    floors = {re.split(r"[\[<>=!; ]", one)[0]: one for one in named}
    assert floors.keys().isdisjoint({"h11", "wsproto", "jinja2", "python-multipart", "pyyaml"})
    assert "starlette" not in floors or "starlette>=1.3" in floors["starlette"].replace(" ", "")
    assert floors["aiohttp"] == "aiohttp>=3.14.5"
    for extra in extras.values():
        for one in extra:
            if one.startswith("uvicorn"):
                assert "!=0.43.*" in one
                assert "!=0.44.*" in one


def test_no_secret_is_there_by_default() -> None:
    options = RelayOptions()
    assert options.keys == options.accounts == ()
    assert options.admin.token is None
    assert options.server.host == options.admin.host == "127.0.0.1"
    assert options.server.trusted_proxies == ()


LEAST = '[[accounts]]\nname = "one"\nkind = "gemini"\napi_key = "a-key"\n'


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('[[keys]]\nname = "a"\nkey = ""\n', "key"),
        ('[[keys]]\nname = "a"\n', "key"),
        ('[[keys]]\nname = "a"\nkey = "short"\n', "24"),
        ('[[keys]]\nname = "a"\nkey = "env:UNSET_KEY"\n', "UNSET_KEY"),
        ('[admin]\ntoken = ""\n', "token"),
        ('[admin]\ntoken = "admin"\n', "token"),
        ('[admin]\ntoken = "env:UNSET_TOKEN"\n', "UNSET_TOKEN"),
        ('[admin]\nauth = "off"\n', "auth"),
        ('[plugins]\npath = "http://evil.test/a.py"\n', "plugins"),
    ],
)
def test_a_relay_with_a_secret_that_is_none_does_not_start(
    added: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(LEAST + added)
    with pytest.raises(ConfigError, match=said):
        load_relay(file, environ={})


def test_options_show_no_secret() -> None:
    assert "the-token" not in repr(RelayOptions(admin=AdminOptions(token="the-token-of-operators")))
