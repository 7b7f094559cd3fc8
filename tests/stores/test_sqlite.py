"""One file, one writing thread: what a future tells is in the file, and nothing else is."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gemstream.errors import InvalidState, StoreUnavailable
from gemstream.stores.sqlite import Frame, Pulse, SQLiteFile

SCHEMA = ("CREATE TABLE words (word TEXT PRIMARY KEY)",)
LONG = 60.0


def add(word: str) -> object:
    return lambda rows: rows.execute("INSERT INTO words VALUES (?)", (word,)).rowcount


def words(rows: sqlite3.Connection) -> list[str]:
    return [word for (word,) in rows.execute("SELECT word FROM words ORDER BY word")]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SQLiteFile]:
    file = SQLiteFile(tmp_path / "folder" / "words.sqlite3", SCHEMA, patience=1.0)
    yield file
    file.close().result(LONG)


def written(file: SQLiteFile) -> list[str]:
    with sqlite3.connect(file.path) as rows:
        found = words(rows)
    rows.close()
    return found


def test_what_a_future_tells_is_in_the_file(file: SQLiteFile) -> None:
    assert file.submit(add("a")).result(LONG) == 1
    assert written(file) == ["a"]


def test_what_is_queued_meanwhile_goes_into_one_transaction(tmp_path: Path) -> None:
    transactions = list[int]()
    frame = Frame(lambda rows: transactions.append(1), lambda rows: None)
    file = SQLiteFile(tmp_path / "words", SCHEMA, frame=frame)
    began, go = threading.Event(), threading.Event()

    def wait(rows: sqlite3.Connection) -> None:
        began.set()
        go.wait(LONG)

    file.submit(wait)
    assert began.wait(LONG)
    queued = [file.submit(add(str(number))) for number in range(200)]
    go.set()
    assert [future.result(LONG) for future in queued] == [1] * 200
    assert len(transactions) == 2
    assert len(written(file)) == 200
    file.close().result(LONG)


def test_work_that_fails_is_undone_and_the_rest_of_its_transaction_is_not(
    file: SQLiteFile,
) -> None:
    def half(rows: sqlite3.Connection) -> None:
        rows.execute("INSERT INTO words VALUES ('half')")
        raise ValueError("no more")

    good, bad, late = file.submit(add("a")), file.submit(half), file.submit(add("b"))
    assert (good.result(LONG), late.result(LONG)) == (1, 1)
    with pytest.raises(ValueError, match="no more"):
        bad.result(LONG)
    assert written(file) == ["a", "b"]


def test_an_error_of_sqlites_is_ours_and_the_file_goes_on(file: SQLiteFile) -> None:
    with pytest.raises(StoreUnavailable, match=r"words.sqlite3 cannot be used"):
        file.submit(lambda rows: rows.execute("SELECT * FROM nothing")).result(LONG)
    assert file.submit(add("a")).result(LONG) == 1


def test_what_is_cancelled_before_it_begins_is_not_run(file: SQLiteFile) -> None:
    go = threading.Event()
    file.submit(lambda rows: go.wait(LONG))
    cancelled = file.submit(add("a"))
    assert cancelled.cancel()
    go.set()
    assert file.submit(words).result(LONG) == []


def test_closing_runs_what_is_queued_then_the_farewell_and_again_is_nothing(
    tmp_path: Path,
) -> None:
    file = SQLiteFile(
        tmp_path / "words",
        SCHEMA,
        farewell=lambda rows: rows.execute("INSERT INTO words VALUES ('farewell')") and None,
    )
    queued = file.submit(add("a"))
    assert file.close() is file.close()
    assert file.close().result(LONG) is None
    assert queued.result(LONG) == 1
    assert written(file) == ["a", "farewell"]
    with pytest.raises(InvalidState, match="was closed"):
        file.submit(words)


def test_one_that_was_never_used_makes_no_file(tmp_path: Path) -> None:
    file = SQLiteFile(tmp_path / "words", SCHEMA)
    file.close().result(LONG)
    assert not file.path.exists()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "gemstream" / "words"
    for _ in range(2):
        file = SQLiteFile(path, SCHEMA)
        file.submit(words).result(LONG)
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
        file.close().result(LONG)
        if sys.platform != "win32":
            assert set(modes.values()) == {0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.chmod(0o644)


def test_a_newer_schema_goes_on_from_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "words"
    old = SQLiteFile(path, SCHEMA)
    old.submit(add("a")).result(LONG)
    old.close().result(LONG)
    newer = (*SCHEMA, "ALTER TABLE words ADD COLUMN count INTEGER; UPDATE words SET count = 7")
    new = SQLiteFile(path, newer)
    assert new.submit(lambda rows: rows.execute("SELECT * FROM words").fetchall()).result(LONG) == [
        ("a", 7)
    ]
    new.close().result(LONG)
    old = SQLiteFile(path, SCHEMA)
    with pytest.raises(StoreUnavailable, match="newer gemstream; upgrade"):
        old.submit(words).result(LONG)
    with pytest.raises(StoreUnavailable):
        old.close().result(LONG)


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, and never was one" * 100)


def _folder(path: Path) -> None:
    path.mkdir()


def _link_to_nowhere(path: Path) -> None:
    path.symlink_to(path / "nowhere" / "at" / "all")


@pytest.mark.parametrize(
    ("spoil", "advice"),
    [(_garbage, "delete the file"), (_folder, "writable"), (_link_to_nowhere, "writable")],
)
def test_a_file_that_cannot_be_used_is_an_error_of_ours(
    tmp_path: Path, spoil: object, advice: str
) -> None:
    file = SQLiteFile(tmp_path / "words", SCHEMA, patience=0.1)
    spoil(file.path)  # type: ignore[operator]
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=advice):
            file.submit(words).result(LONG)
    with pytest.raises(StoreUnavailable):
        file.close().result(LONG)


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = SQLiteFile(tmp_path / "file" / "folder" / "words", SCHEMA)
    with pytest.raises(StoreUnavailable, match="is its folder there and writable"):
        file.submit(words).result(LONG)


def test_a_file_that_another_keeps_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    file = SQLiteFile(tmp_path / "words", SCHEMA, patience=0.1)
    file.submit(words).result(LONG)
    other = sqlite3.connect(file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match=r"another process has kept it for 0.1 s"):
        file.submit(add("a")).result(LONG)
    other.execute("ROLLBACK")
    other.close()
    assert file.submit(add("a")).result(LONG) == 1
    file.close().result(LONG)


def test_a_pulse_beats_while_there_is_work_for_it(tmp_path: Path) -> None:
    beats = threading.Semaphore(0)
    file = SQLiteFile(
        tmp_path / "words", SCHEMA, pulse=Pulse(0.001, lambda: lambda rows: beats.release())
    )
    file.submit(words)
    for _ in range(3):
        assert beats.acquire(timeout=LONG)
    file.close().result(LONG)


def test_each_transaction_stands_in_its_frame(tmp_path: Path) -> None:
    seen = list[str]()
    frame = Frame(lambda rows: seen.append("begin"), lambda rows: seen.append("end"))
    file = SQLiteFile(tmp_path / "words", SCHEMA, frame=frame)
    file.submit(lambda rows: seen.append("work")).result(LONG)
    file.close().result(LONG)
    assert seen[:3] == ["begin", "work", "end"]


_AT_EXIT = """
import sys
from pathlib import Path
from gemstream.stores.sqlite import SQLiteFile
file = SQLiteFile(Path(sys.argv[1]), ("CREATE TABLE words (word TEXT)",))
for word in "abc":
    file.submit(lambda rows, word=word: rows.execute("INSERT INTO words VALUES (?)", (word,)))
"""


def test_a_process_that_ends_writes_what_is_queued_first(tmp_path: Path) -> None:
    path = tmp_path / "words"
    subprocess.run([sys.executable, "-c", _AT_EXIT, str(path)], check=True, timeout=LONG)
    rows = sqlite3.connect(path)
    assert words(rows) == ["a", "b", "c"]
    rows.close()


_FORK = """
import os, sys
from pathlib import Path
from gemstream.stores.sqlite import SQLiteFile
file = SQLiteFile(Path(sys.argv[1]), ("CREATE TABLE words (word TEXT)",))
def add(word):
    return file.submit(lambda rows: rows.execute("INSERT INTO words VALUES (?)", (word,)) and word)
assert add("before").result(30) == "before"
for number in range(5):
    late = add(f"queued {number}")
    child = os.fork()
    if child == 0:
        if os.path.isdir("/proc/self/fd"):
            paths = {os.path.realpath(entry) for entry in os.scandir("/proc/self/fd")}
            assert not any(path.startswith(sys.argv[1]) for path in paths), "SQLite was forked"
        add(f"child {number}").result(30)
        file.close().result(30)
        os._exit(0)
    add(f"parent {number}").result(30)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert late.result(30)
file.close().result(30)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not fork")
def test_parent_and_child_both_go_on_after_a_fork(tmp_path: Path) -> None:
    path = tmp_path / "words"
    run = subprocess.run(
        [sys.executable, "-c", _FORK, str(path)], capture_output=True, text=True, timeout=LONG
    )
    assert run.returncode == 0, run.stderr
    rows = sqlite3.connect(path)
    expected = [
        "before",
        *(f"{who} {n}" for who in ("child", "parent", "queued") for n in range(5)),
    ]
    assert words(rows) == expected
    rows.close()
