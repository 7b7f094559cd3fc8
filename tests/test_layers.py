"""The layer table of docs/explanation/architecture.md, held.

The tables come first, then the rules that read them, then our own tree against the rules, and
last a proof for every rule that it fires.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from support.imports import Import, When, imports_of
from support.sources import ROOT, Source, parse_sources, read_sources

_BELOW_CLIENT = "limits policy stores credentials net telemetry wire audio errors config"

# Each package, and what it may import besides itself.
LAYERS = {
    "errors": "",
    "config": "errors",
    "wire": "errors",
    "audio": "errors",
    "policy": "wire errors config",
    "net": "errors",
    "stores": "errors",
    "credentials": "errors",
    "telemetry": "errors",
    "limits": "policy stores telemetry wire errors config",
    "client": _BELOW_CLIENT,
    "streams": f"client {_BELOW_CLIENT}",
    "narrative": f"client streams {_BELOW_CLIENT}",
    "emulator": "wire policy net audio errors config",
    "relay": f"emulator {_BELOW_CLIENT}",
    "testing": f"relay emulator narrative streams client {_BELOW_CLIENT}",
    "cli": f"testing relay emulator narrative streams client {_BELOW_CLIENT}",
    # The two modules on top: one names everything lazily, the other starts the commands.
    "__init__": f"testing relay emulator narrative streams client {_BELOW_CLIENT}",
    "__main__": "cli errors",
}

# Modules that stay closed to a package which may import their neighbours: the emulator judges
# limits with its own plain log, or it could not tell when ours are wrong.
CLOSED = {"emulator": "gemstream.policy.limit"}

# Third-party libraries of the packages that keep to a list; the others are free.
LIBRARIES = {
    "errors": "",
    "config": "msgspec",
    "wire": "msgspec",
    "audio": "",
    "policy": "msgspec",
}

# Decisions and parsing: the same input gives the same output, at any time and on any machine.
PURE = ("wire", "audio", "policy")
IMPURE = {
    "a clock": "time sched",
    "concurrency": "asyncio concurrent multiprocessing subprocess threading",
    "logging": "logging",
    "randomness": "random secrets uuid",
    "sockets": "http.client http.server select selectors socket socketserver ssl urllib.request",
    "the environment": "os",
}
CLOCK_READINGS = ("now", "today", "utcnow")

# Libraries that only net talks to, for the packages that leave bytes and HTTP to it.
NO_SOCKETS = ("client", "limits", "streams", "narrative")
SOCKETS = "aiohttp h2 httptools socket ssl"

# Slow to import (aiohttp alone takes 310 ms), so these packages import them at first use.
WAITS = ("__init__", "net", "stores", "credentials", "narrative", "testing")
HEAVY = "aiohttp asyncpg boto3 botocore dbos google h2 opentelemetry prometheus_client redis"

# What `import gemstream` itself may load; every other public name waits for `__getattr__`.
EAGER_ROOT = ("errors", "config")
# Who may import modules of ours inside functions, and by a computed name. The pytest plugin is
# loaded in every test run of projects that have gemstream installed, most of which ask nothing.
LATE_IMPORTS = ("cli", "testing", "__init__", "__main__")
# Who may use the public face, and what everybody may take from it.
USES_ROOT = ("cli", "testing", "__main__")
ROOT_NAMES = ("__version__",)


# --- the rules -------------------------------------------------------------------------------

Finding = tuple[int, str]


def violations(sources: list[Source]) -> list[str]:
    """Every breach of the tables, as ``path:line: sentence``."""
    found = [
        f"{source.path}:{line}: {message}"
        for source in sources
        for rule in (_RULES if source.package in LAYERS else (_unlisted,))
        for line, message in rule(source)
    ]
    return found + _closed_modules(sources) + _cycles(sources)


def _unlisted(source: Source) -> Iterator[Finding]:
    yield 1, f"{source.package} is not in the layer table"


def _edges(source: Source) -> Iterator[Finding]:
    for imported in _own_imports(source):
        there = _row(imported)
        if there not in ("__init__", source.package, *LAYERS[source.package].split()):
            yield imported.line, f"{source.package} may not import {there}"


def _public_face(source: Source) -> Iterator[Finding]:
    if source.package in USES_ROOT or source.package == "__init__":
        return
    for imported in _own_imports(source):
        if _row(imported) == "__init__" and imported.name not in ROOT_NAMES:
            yield imported.line, "name the package a thing lives in, not gemstream itself"


def _eager_root(source: Source) -> Iterator[Finding]:
    if source.package != "__init__":
        return
    for imported in _own_imports(source):
        if imported.when is When.LOAD and _row(imported) not in EAGER_ROOT:
            yield imported.line, f"import gemstream loads {_row(imported)}: use __getattr__"


def _late_imports(source: Source) -> Iterator[Finding]:
    if source.package in LATE_IMPORTS:
        return
    for imported in _own_imports(source):
        if imported.when is When.CALL:
            yield imported.line, f"{source.package} imports {_row(imported)} inside a function"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _computes_import(node):
            yield node.lineno, f"{source.package} imports by a computed name"


def _libraries(source: Source) -> Iterator[Finding]:
    if source.package not in LIBRARIES:
        return
    allowed = {ROOT, *LIBRARIES[source.package].split(), *sys.stdlib_module_names}
    for imported in imports_of(source):
        if imported.library not in allowed:
            yield imported.line, f"{source.package} may not import {imported.library}"


def _heavy_libraries(source: Source) -> Iterator[Finding]:
    if source.package not in WAITS:
        return
    for imported in imports_of(source):
        if imported.when is When.LOAD and imported.library in HEAVY.split():
            yield imported.line, f"{imported.library} is slow to load: import it at first use"


def _sockets(source: Source) -> Iterator[Finding]:
    if source.package not in NO_SOCKETS:
        return
    for imported in imports_of(source):
        if _is_within(imported, SOCKETS):
            yield imported.line, f"{source.package} leaves sockets to net: {imported.module}"


def _impure_imports(source: Source) -> Iterator[Finding]:
    if source.package not in PURE:
        return
    for imported in imports_of(source):
        for what, modules in IMPURE.items():
            if _is_within(imported, modules):
                yield imported.line, f"{source.package} is pure and imports {what}"


def _impure_code(source: Source) -> Iterator[Finding]:
    if source.package not in PURE:
        return
    dates = _names_from_datetime(source)
    for node in ast.walk(source.tree):
        match node:
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                yield node.lineno, f"{source.package} is pure and contains async"
            case ast.comprehension(is_async=1):
                yield node.target.lineno, f"{source.package} is pure and contains async"
            case ast.Attribute(value=owner, attr=name) if name in CLOCK_READINGS:
                if ast.unparse(owner).partition(".")[0] in dates:
                    yield node.lineno, f"{source.package} is pure and reads the clock"


_RULES: tuple[Callable[[Source], Iterator[Finding]], ...] = (
    _edges,
    _public_face,
    _eager_root,
    _late_imports,
    _libraries,
    _heavy_libraries,
    _sockets,
    _impure_imports,
    _impure_code,
)


def _closed_modules(sources: list[Source]) -> list[str]:
    """Also sees a name of the closed module that its package hands on."""
    handed_on = {
        (source.module, imported.name): _full_name(imported)
        for source in sources
        if source.is_package
        for imported in imports_of(source)
    }
    return [
        f"{source.path}:{imported.line}: {source.package} may not import {closed}"
        for source in sources
        if (closed := CLOSED.get(source.package))
        for imported in imports_of(source)
        for name in (_full_name(imported), handed_on.get((imported.module, imported.name), ""))
        if f"{name}.".startswith(f"{closed}.")
    ]


def _cycles(sources: list[Source]) -> list[str]:
    edges: dict[str, set[str]] = {}
    for source in sources:
        for imported in _own_imports(source):
            if _row(imported) not in ("__init__", source.package):
                edges.setdefault(source.package, set()).add(_row(imported))
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return ["cycle: " + " imports ".join(reversed(error.args[1]))]
    return []


def _computes_import(node: ast.Call) -> bool:
    return ast.unparse(node.func).endswith(("import_module", "__import__"))


def _own_imports(source: Source) -> Iterator[Import]:
    return (imported for imported in imports_of(source) if imported.library == ROOT)


def _row(imported: Import) -> str:
    """The row of the table that an import of ours leads to."""
    parts = imported.module.split(".")
    if len(parts) > 1:
        return parts[1]
    return imported.name if imported.name in LAYERS else "__init__"


def _full_name(imported: Import) -> str:
    return f"{imported.module}.{imported.name}" if imported.name else imported.module


def _is_within(imported: Import, modules: str) -> bool:
    name = f"{_full_name(imported)}."
    return any(name.startswith(f"{module}.") for module in modules.split())


def _names_from_datetime(source: Source) -> set[str]:
    """What this file calls the datetime module and the classes in it."""
    return {
        alias.asname or alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if "datetime" in (alias.name, getattr(node, "module", None))
    }


# --- our tree --------------------------------------------------------------------------------


def test_every_file_keeps_to_its_layer() -> None:
    found = violations(read_sources("src"))
    assert not found, "\n".join(found)


def test_the_table_itself_has_no_cycle_and_no_unknown_name() -> None:
    edges = {package: allowed.split() for package, allowed in LAYERS.items()}
    assert set(TopologicalSorter(edges).static_order()) == set(LAYERS)


def test_nobody_imports_cli_but_the_module_that_starts_it() -> None:
    assert [here for here, allowed in LAYERS.items() if "cli" in allowed.split()] == ["__main__"]


def test_wire_and_net_do_not_know_each_other() -> None:
    assert "wire" not in LAYERS["net"].split()
    assert "net" not in LAYERS["wire"].split()


# --- every rule fires ------------------------------------------------------------------------

BREACHES = {
    "an edge that is not in the table": (
        {"gemstream/net/http.py": "from gemstream.wire.sse import SSEDecoder"},
        "gemstream/net/http.py:1: net may not import wire",
    ),
    "a relative import": (
        {"gemstream/wire/sse.py": "from ..policy import retry"},
        "gemstream/wire/sse.py:1: wire may not import policy",
    ),
    "a relative import in a package's own file": (
        {"gemstream/wire/__init__.py": "from ..config import Options"},
        "gemstream/wire/__init__.py:1: wire may not import config",
    ),
    "a package taken from the root": (
        {"gemstream/relay/pump.py": "from gemstream import client"},
        "gemstream/relay/pump.py:1: relay may not import client",
    ),
    "an import for the type checker": (
        {
            "gemstream/policy/retry.py": (
                "from typing import TYPE_CHECKING\n"
                "if TYPE_CHECKING:\n    from gemstream.limits import Lease"
            )
        },
        "gemstream/policy/retry.py:3: policy may not import limits",
    ),
    "errors importing anything of ours": (
        {"gemstream/errors.py": "import gemstream.config"},
        "gemstream/errors.py:1: errors may not import config",
    ),
    "somebody importing cli": (
        {"gemstream/testing/plugin.py": "from gemstream.cli import app"},
        "gemstream/testing/plugin.py:1: testing may not import cli",
    ),
    "a package nobody has heard of": (
        {"gemstream/helpers.py": ""},
        "gemstream/helpers.py:1: helpers is not in the layer table",
    ),
    "a name from the public face": (
        {"gemstream/relay/app.py": "from gemstream import AsyncClient"},
        "gemstream/relay/app.py:1: name the package a thing lives in, not gemstream itself",
    ),
    "a heavy gemstream": (
        {"gemstream/__init__.py": "from .client import AsyncClient"},
        "gemstream/__init__.py:1: import gemstream loads client: use __getattr__",
    ),
    "an import inside a function": (
        {"gemstream/client/chat.py": "def chat():\n    from gemstream.policy import fold"},
        "gemstream/client/chat.py:2: client imports policy inside a function",
    ),
    "an import inside a method": (
        {"gemstream/client/chat.py": "class A:\n    async def b(self):\n        from . import c"},
        "gemstream/client/chat.py:3: client imports client inside a function",
    ),
    "an import by a computed name": (
        {"gemstream/client/chat.py": "import importlib\nimportlib.import_module('gemstream.x')"},
        "gemstream/client/chat.py:2: client imports by a computed name",
    ),
    "a library the package does without": (
        {"gemstream/wire/model.py": "import pydantic"},
        "gemstream/wire/model.py:1: wire may not import pydantic",
    ),
    "a heavy library as the module loads": (
        {"gemstream/net/http.py": "try:\n    import aiohttp\nexcept ImportError:\n    pass"},
        "gemstream/net/http.py:2: aiohttp is slow to load: import it at first use",
    ),
    "sockets above net": (
        {"gemstream/client/live.py": "from aiohttp import ClientSession"},
        "gemstream/client/live.py:1: client leaves sockets to net: aiohttp",
    ),
    "async code in a pure package": (
        {"gemstream/wire/sse.py": "async def read(): ..."},
        "gemstream/wire/sse.py:1: wire is pure and contains async",
    ),
    "an async comprehension": (
        {"gemstream/policy/fold.py": "def f(s):\n    return [c async for c in s]"},
        "gemstream/policy/fold.py:2: policy is pure and contains async",
    ),
    "a clock by its module": (
        {"gemstream/policy/retry.py": "from time import monotonic"},
        "gemstream/policy/retry.py:1: policy is pure and imports a clock",
    ),
    "a clock by a date": (
        {"gemstream/policy/day.py": "from datetime import datetime as D\nD.now()"},
        "gemstream/policy/day.py:2: policy is pure and reads the clock",
    ),
    "a clock by the datetime module": (
        {"gemstream/policy/day.py": "import datetime\ndatetime.date.today()"},
        "gemstream/policy/day.py:2: policy is pure and reads the clock",
    ),
    "randomness": (
        {"gemstream/policy/retry.py": "import random"},
        "gemstream/policy/retry.py:1: policy is pure and imports randomness",
    ),
    "the environment": (
        {"gemstream/wire/endpoint.py": "from os import environ"},
        "gemstream/wire/endpoint.py:1: wire is pure and imports the environment",
    ),
    "logging": (
        {"gemstream/wire/sse.py": "import logging.config"},
        "gemstream/wire/sse.py:1: wire is pure and imports logging",
    ),
    "sockets in a pure package": (
        {"gemstream/wire/endpoint.py": "from urllib import request"},
        "gemstream/wire/endpoint.py:1: wire is pure and imports sockets",
    ),
    "a task in a pure package": (
        {"gemstream/policy/fold.py": "import asyncio"},
        "gemstream/policy/fold.py:1: policy is pure and imports concurrency",
    ),
    "a closed module": (
        {"gemstream/emulator/quota.py": "from gemstream.policy import limit"},
        "gemstream/emulator/quota.py:1: emulator may not import gemstream.policy.limit",
    ),
    "a name that a package hands on from a closed module": (
        {
            "gemstream/policy/__init__.py": "from .limit import LimitLog",
            "gemstream/emulator/quota.py": "from gemstream.policy import LimitLog",
        },
        "gemstream/emulator/quota.py:1: emulator may not import gemstream.policy.limit",
    ),
    "a cycle": (
        {
            "gemstream/wire/a.py": "from .. import errors",
            "gemstream/errors.py": "from . import wire",
        },
        "cycle: wire imports errors imports wire",
    ),
}

NO_BREACHES = {
    "the edges of the table": {
        "gemstream/policy/retry.py": "from gemstream import errors\nfrom ..wire import sse",
        "gemstream/emulator/app.py": "from gemstream.policy.fold import fold",
        "gemstream/client/stream.py": "from . import chat\nfrom .chat import Chat",
    },
    "lazy names of the root": {
        "gemstream/__init__.py": (
            "from typing import TYPE_CHECKING\n"
            "from .errors import GemstreamError\n"
            "if TYPE_CHECKING:\n    from .client import AsyncClient\n"
            "def __getattr__(name):\n"
            "    import importlib\n    return importlib.import_module('gemstream.client')"
        ),
        "gemstream/net/agent.py": "from gemstream import __version__",
    },
    "the way into the commands": {
        "gemstream/__main__.py": "def main():\n    from gemstream.cli import app\n    app()",
        "gemstream/cli/ask.py": "def ask():\n    from gemstream.client import AsyncClient",
    },
    "a heavy library at first use or for its types": {
        "gemstream/net/http.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    import aiohttp\n"
            "def open():\n    import aiohttp"
        ),
    },
    "dates as values": {
        "gemstream/policy/day.py": (
            "from datetime import datetime\n"
            "def day(now): return datetime.fromtimestamp(now)\n"
            "def age(self): return self.now - self.clock.now()"
        ),
        "gemstream/wire/status.py": "from http import HTTPStatus\nfrom urllib.parse import quote",
    },
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_seen(breach: str) -> None:
    texts, sentence = BREACHES[breach]
    assert sentence in violations(parse_sources(texts))


@pytest.mark.parametrize("case", NO_BREACHES)
def test_what_the_table_allows_passes(case: str) -> None:
    assert violations(parse_sources(NO_BREACHES[case])) == []
