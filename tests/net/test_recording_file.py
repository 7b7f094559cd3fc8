"""The file of recordings: what is written is read, and what is wrong is told with its line."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import ConfigError
from gemstream.net.recording_file import (
    Read,
    Recording,
    RecordingEnd,
    RecordingFile,
    decode,
    encode,
    load,
)

_NAMES = st.text(st.characters(codec="utf-8"), min_size=1)
_HEADERS = st.dictionaries(_NAMES, st.text(st.characters(codec="utf-8")))


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    times = sorted(draw(st.lists(st.integers(0, 10**9), max_size=5)))
    return Recording(
        method=draw(st.sampled_from(["GET", "POST"])),
        path=draw(_NAMES),
        request_headers=draw(_HEADERS),
        request_body=draw(st.binary()),
        status=draw(st.integers(200, 599)),
        headers=draw(_HEADERS),
        reads=[Read(at, draw(st.binary())) for at in times],
        end=draw(st.sampled_from(RecordingEnd)),
        end_ms=draw(st.none() | st.integers(0)),
    )


@given(st.lists(recordings(), min_size=1, max_size=3))
def test_what_was_written_is_read(written: list[Recording]) -> None:
    assert decode(b"".join(map(encode, written))) == written


HEAD = b'{"request": {"method": "POST", "path": "/"}, "status": 200, "headers": {}}\n'


def test_the_plain_form_is_read() -> None:
    """As it may be written by hand: no end line, a blank line, no line end at the end."""
    (first, second) = decode(HEAD + b'{"at_ms": 12, "bytes_b64": "YWI="}\n\n' + HEAD.rstrip())
    assert first.reads == [Read(12, b"ab")]
    assert (first.end, second.end, second.reads) == (RecordingEnd.CLEAN, RecordingEnd.CLEAN, [])


def test_a_body_of_text_can_be_read_in_the_file() -> None:
    assert '"body":"{\\"ä\\":1}"' in encode(Recording(request_body='{"ä":1}'.encode())).decode()


READ = b'{"at_ms": 12, "bytes_b64": "YWI="}\n'
END = b'{"end": "clean"}\n'
MISTAKES = [
    (b"", "r.jsonl holds no recording"),
    (b"data: {}\n", "r.jsonl:1: should be an object of JSON"),
    (b"[]\n", "r.jsonl:1: should be an object of JSON"),
    (HEAD + HEAD[:40], "r.jsonl:2: should be an object of JSON"),
    (b"\xff{}", "r.jsonl:1: should be an object of JSON"),
    (READ, "r.jsonl:1: a recording begins with a head line"),
    (HEAD + END + READ, "r.jsonl:3: a recording begins with a head line"),
    (HEAD + b'{"at_ms": 1, "bytes_b64": "!"}', "r.jsonl:2: bytes_b64 is not base64"),
    (HEAD + b'{"at_ms": 1}', "r.jsonl:2: Object missing required field `bytes_b64`"),
    (HEAD + b'{"at_ms": 1, "byte_b64": ""}', "r.jsonl:2: Object "),
    (HEAD + READ + b'{"at_ms": 1, "bytes_b64": ""}', "r.jsonl:3: at_ms 1 is before"),
    (HEAD + b'{"end": "fine"}', "r.jsonl:2: Invalid enum value 'fine'"),
    (HEAD.replace(b"200", b"99"), "r.jsonl:1: status should be an HTTP status, not 99"),
    (HEAD.replace(b'"path"', b'"url"'), "r.jsonl:1: Object "),
    (
        HEAD.replace(b'"/"', b'"/", "body": "", "body_b64": ""'),
        "r.jsonl:1: request has both body and body_b64",
    ),
]


@pytest.mark.parametrize(("data", "sentence"), MISTAKES)
def test_a_mistake_is_told_with_its_line(data: bytes, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(data, "r.jsonl")
    assert str(caught.value).startswith(sentence)


@given(st.binary() | st.lists(st.sampled_from([HEAD, READ, END, b"{}\n"])).map(b"".join))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ConfigError):
        assert decode(data)


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    RecordingFile(tmp_path / "r.jsonl")
    assert stat.S_IMODE((tmp_path / "r.jsonl").stat().st_mode) == 0o600


def test_many_threads_add_whole_recordings(tmp_path: Path) -> None:
    file = RecordingFile(tmp_path / "r.jsonl")
    written = [
        Recording(path=f"/{number}", reads=[Read(0, b"x" * 50_000)] * 9) for number in range(20)
    ]
    threads = [threading.Thread(target=file.add, args=(one,)) for one in written]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    RecordingFile(file.path)  # opened anew, it keeps what is there
    assert sorted(one.path for one in load(file.path)) == sorted(one.path for one in written)


def test_many_processes_add_whole_recordings(tmp_path: Path) -> None:
    """Each adds recordings of its own letter, larger than what a file buffers."""
    path = tmp_path / "recordings.jsonl"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gemstream.net.recording_file import Read, Recording, RecordingEnd, RecordingFile\n"
        "letter = sys.argv[2].encode()\n"
        "file = RecordingFile(Path(sys.argv[1]))\n"
        "for _ in range(20):\n"
        "    file.add(Recording(method='GET', path='/', request_headers={}, request_body=b'',\n"
        "        status=200, headers={}, reads=[Read(0, letter * 50_000)] * 3,\n"
        "        end=RecordingEnd.CLEAN, at_ms=0, end_ms=0))\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen([*command, letter]) for letter in "ab"]
    assert [process.wait(60) for process in processes] == [0, 0]
    bodies = [recording.body for recording in load(path)]
    assert sorted(bodies) == [b"a" * 150_000] * 20 + [b"b" * 150_000] * 20


@pytest.mark.parametrize("use", [load, RecordingFile])
def test_a_file_that_cannot_be_had_is_told(use: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the recording .*nowhere.*: No such file"):
        use(tmp_path / "nowhere" / "r.jsonl")  # type: ignore[operator]
