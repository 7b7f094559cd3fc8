"""A component's steps are files in their order; SQL has marks that each engine fills in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gemstream.errors import InvalidState
from gemstream.stores.migrations import Step, read_migrations
from gemstream.stores.statement import engine_sql, numbered


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text(f"-- {name}\nCREATE TABLE a (b TEXT);\n")
    return folder


def test_files_are_steps_in_their_order(tmp_path: Path) -> None:
    put(tmp_path, "0002_second.sql", "0001_first.sql", "__init__.py")
    found = read_migrations("books", tmp_path)
    assert found.component == "books"
    assert [step.name for step in found.steps] == ["0001_first.sql", "0002_second.sql"]


@pytest.mark.parametrize(
    ("names", "next_one"),
    [
        (("0002_a.sql",), "0001"),
        (("0001_a.sql", "0003_b.sql"), "0002"),
        (("0001_a.sql", "0001_b.sql"), "0002"),
        (("first.sql",), "0001"),
        (("0001_A.sql",), "0001"),
    ],
)
def test_a_number_that_is_missing_or_twice_is_told(
    tmp_path: Path, names: tuple[str, ...], next_one: str
) -> None:
    with pytest.raises(InvalidState, match=f"the next one is {next_one}_what.sql"):
        read_migrations("books", put(tmp_path, *names))


def test_statements_have_no_comments_and_the_checksum_no_blank_ends() -> None:
    step = Step(name="0001_a.sql", sql="-- one; two\nCREATE A;\n\nCREATE B -- and; why\n;\n")
    assert [sql.split() for sql in step.statements()] == [["CREATE", "A"], ["CREATE", "B"]]
    blank = Step(name=step.name, sql=step.sql.replace("\n", "  \n") + "\n\n")
    assert blank.checksum == step.checksum
    assert Step(name=step.name, sql=step.sql + "x").checksum != step.checksum


@pytest.mark.parametrize(
    ("sql", "own"),
    [
        ("a = ? AND b < ?", "a = $1 AND b < $2"),
        ("a = '?' AND b = ?", "a = '?' AND b = $1"),
        ("a = 'it''s ?' AND b = ?", "a = 'it''s ?' AND b = $1"),
        ("a < b AND c > ?", "a < b AND c > $1"),
        ("at = <now> AND x = '<now>'", "at = now() AND x = '<now>'"),
    ],
)
def test_marks_have_a_meaning_outside_quotes_alone(sql: str, own: str) -> None:
    assert numbered(engine_sql(sql, {"<now>": "now()"})) == own


def test_postgres_without_its_driver_names_the_extra() -> None:
    code = (
        "import asyncio, sys; sys.modules['asyncpg'] = None\n"
        "from gemstream.stores.database import open_database\n"
        "from gemstream.errors import ConfigError\n"
        "async def main():\n"
        "    try: await open_database('postgresql://h/n', ())\n"
        "    except ConfigError as error: print(error)\n"
        "asyncio.run(main())\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert said.stdout == (
        "a database in Postgres needs the extra: pip install 'gemstream[postgres]'\n"
    )
