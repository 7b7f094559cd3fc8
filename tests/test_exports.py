"""The names of ``gemstream``: all there, loaded on first use, the same for people and tools."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module

import pytest

import gemstream


def typed_imports() -> dict[str, str]:
    """Name → module, as the package declares them to type checkers."""
    tree = ast.parse(inspect.getsource(gemstream))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def test_type_checkers_and_programs_see_the_same_names() -> None:
    assert typed_imports() == gemstream._HOMES
    assert set(gemstream._HOMES) == set(gemstream.__all__)
    assert list(gemstream.__all__) == sorted(gemstream.__all__)


@pytest.mark.parametrize("name", gemstream.__all__)
def test_a_name_is_the_one_of_its_home_and_documented(name: str) -> None:
    value = getattr(gemstream, name)
    assert value is getattr(import_module(f"gemstream.{gemstream._HOMES[name]}"), name)
    assert value is getattr(gemstream, name)
    assert inspect.getdoc(value)


@pytest.mark.parametrize(
    "name", ["Client", "AsyncClient", "GenerateStream", "StreamControl", "Driver", "Credentials"]
)
def test_the_names_that_programs_build_on_are_there(name: str) -> None:
    assert name in gemstream.__all__


@pytest.mark.parametrize("name", ["Clinet", "client_", "_missing", "__wrapped__"])
def test_a_name_that_does_not_exist_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'gemstream' has no attribute '{name}'"):
        getattr(gemstream, name)


def test_dir_lists_every_public_name() -> None:
    assert set(gemstream.__all__) <= set(dir(gemstream))
    assert gemstream.__version__ == import_module("gemstream.config.version").VERSION
