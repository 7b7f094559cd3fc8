"""The promises page claims only what a test holds: each test it names exists and is run."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from support.sources import REPOSITORY
from support.tables import read_table

PAGE = "docs/reference/promises.md"
ROWS = read_table(PAGE, "promises")
LAST_ROW = 117  # of the checklist
# What keeps a test out of `make test`.
NOT_RUN = re.compile(r"\b(skip|skipif|xfail|soak|real)\b")


def _tests(cell: str) -> list[str]:
    return cell.replace("`", "").split("<br>")


NAMED = sorted({test for row in ROWS for test in _tests(row[2])})


@functools.cache
def _functions(path: str) -> dict[str, str]:
    """The test functions of a file, each with the decorators and marks that it stands under."""
    tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
    marks = " ".join(
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )
    return {
        node.name: " ".join([marks, *map(ast.unparse, node.decorator_list)])
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("test", NAMED)
def test_a_named_test_exists_and_is_run(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.fullmatch(r"tests/[\w/]+\.py", path), test
    assert name.startswith("test_")
    assert not NOT_RUN.search(_functions(path)[name])


def test_no_row_is_claimed_twice_and_all_stand_in_order() -> None:
    numbers = [int(re.match(r"\d+", row[0])[0]) for row in ROWS]  # type: ignore[index]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] <= LAST_ROW


def test_every_row_says_what_is_promised_and_who_holds_it() -> None:
    for row, promise, tests in ROWS:
        assert re.fullmatch(r"\d+(, [a-z' ]+)?", row), row
        assert promise and tests, row
        assert len(set(_tests(tests))) == len(_tests(tests)), row


def test_a_mark_that_keeps_a_test_out_is_seen() -> None:
    assert NOT_RUN.search("pytest.mark.skipif(True)")
    assert NOT_RUN.search("pytest.mark.real")
    assert not NOT_RUN.search("pytest.mark.parametrize('case', CASES)")
