"""Recorded once from a service, replayed ever after; another emulator is the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gemstream.emulator import Keys, Script
from gemstream.net.recording import load
from gemstream.testing.served import ListeningEmulator, ServedEmulator
from testing.projects import project, run

KEY = "key-of-the-real-service-0123456789"
TEST = """
    import os
    import pytest
    from gemstream import Client

    @pytest.mark.gemini_recording("talk.jsonl")
    def test_it():
        assert os.environ["GEMINI_API_KEY"] != "key-of-the-real-service-0123456789"
        with Client("a-key-of-its-own") as client:
            assert client.generate("Count to 3").text == "1, 2, 3"
            assert list(client.generate_stream("Count to 2").text_stream) == ["1, ", "2"]
            assert client.count_tokens("Count to 3").total_tokens == 3
"""


@pytest.fixture
def service() -> Iterator[ServedEmulator]:
    with ServedEmulator(ListeningEmulator(Script(keys=Keys(only=[KEY])))) as served:
        yield served


def recorded(folder: Path, service: ServedEmulator, *arguments: str, key: str = KEY) -> str:
    """Run the project's tests with a key and the service's address, and return what pytest said."""
    variables = {"GEMINI_API_KEY": key, "GOOGLE_GEMINI_BASE_URL": service.url}
    return run(folder, *(arguments or ("--gemini-record=once",)), **variables).stdout


def replayed(folder: Path) -> str:
    """Run them as anybody does who has neither."""
    return run(folder).stdout


def test_it_is_recorded_once_and_replayed_without_a_key(
    tmp_path: Path, service: ServedEmulator
) -> None:
    folder = project(tmp_path, TEST)
    assert "1 passed" in recorded(folder, service)
    file = folder / "recordings" / "talk.jsonl"
    assert len(load(file)) == len(service.requests) == 3
    assert KEY.encode() not in file.read_bytes()
    assert [one.name for one in file.parent.iterdir()] == ["talk.jsonl"]
    for said in (replayed(folder), recorded(folder, service)):
        assert "1 passed" in said and "error" not in said, said
    assert len(service.requests) == 3


def test_all_records_anew(tmp_path: Path, service: ServedEmulator) -> None:
    folder = project(tmp_path, TEST)
    url = f"--gemini-record-url={service.url}"
    for _ in range(2):
        said = run(folder, "--gemini-record=all", url, GOOGLE_API_KEY=KEY).stdout
        assert "1 passed" in said, said
    assert len(service.requests) == 6
    assert len(load(folder / "recordings" / "talk.jsonl")) == 3


def test_without_a_recording_the_test_says_how_to_make_one(
    tmp_path: Path, service: ServedEmulator
) -> None:
    said = recorded(project(tmp_path, TEST), service, "--gemini-record=none")
    assert "there is no recording" in said and "--gemini-record=once" in said
    assert "1 error" in said
    assert service.requests == []


# The test that is recorded, another that is replayed → what is said of it.
MISFITS = {
    "another prompt": (
        'client.generate("a")',
        'client.generate("b")',
        "contents[0].parts[0].text is 'b', recorded was 'a' (recording 1)",
    ),
    "another option": (
        'client.generate("a")',
        'client.generate("a", seed=1)',
        "generationConfig is only there",
    ),
    "another model": (
        'client.generate("a")',
        'client.generate("a", model="gemini-2.5-pro")',
        "nothing of the kind was recorded",
    ),
    "one more": (
        'client.generate("a")',
        'client.generate("a"); client.generate("a")',
        "asked more often than it was recorded, 1 in all",
    ),
    "one less": (
        'client.generate("a"); client.count_tokens("a")',
        'client.generate("a")',
        "not asked: recording 2, POST /v1beta/models/gemini-2.5-flash:countTokens",
    ),
}
ASKS = """
    import pytest
    from gemstream import Client

    @pytest.mark.gemini_recording(redact={redact!r})
    def test_it():
        with Client() as client:
            {body}
"""


@pytest.mark.parametrize("name", MISFITS)
def test_a_request_that_does_not_fit_fails_the_test(
    name: str, tmp_path: Path, service: ServedEmulator
) -> None:
    before, after, complaint = MISFITS[name]
    assert "1 passed" in recorded(project(tmp_path, ASKS.format(body=before, redact=[])), service)
    said = replayed(project(tmp_path, ASKS.format(body=after, redact=[])))
    assert complaint in said and "--gemini-record=all" in said, said
    assert "1 error" in said


def test_other_requests_may_come_in_another_order(tmp_path: Path, service: ServedEmulator) -> None:
    body = 'client.generate("{}"); client.generate("{}"); client.generate("{}")'
    project(tmp_path, ASKS.format(body=body.format("a", "a", "b"), redact=[]))
    assert "1 passed" in recorded(tmp_path, service)
    project(tmp_path, ASKS.format(body=body.format("b", "a", "a"), redact=[]))
    assert "1 passed" in replayed(tmp_path)


def test_what_is_redacted_is_neither_kept_nor_compared(
    tmp_path: Path, service: ServedEmulator
) -> None:
    redact = ["contents.parts.text", "candidates.content.parts.text"]
    project(tmp_path, ASKS.format(body='client.generate("a secret")', redact=redact))
    assert "1 passed" in recorded(tmp_path, service)
    (file,) = (tmp_path / "recordings").rglob("*.jsonl")
    assert file.relative_to(tmp_path).as_posix() == "recordings/test_it/test_it.jsonl"
    assert all(b"secret" not in one.request_body + one.body for one in load(file))
    body = 'assert client.generate("another").text == "REDACTED"'
    assert "1 passed" in replayed(project(tmp_path, ASKS.format(body=body, redact=redact)))


def test_what_was_refused_is_kept_for_a_test_that_wants_it(
    tmp_path: Path, service: ServedEmulator
) -> None:
    project(tmp_path, ASKS.format(body='client.generate("a")', redact=[]))
    assert "1 failed" in recorded(tmp_path, service, key="no-key-of-the-service")
    assert not (tmp_path / "recordings").exists()
    body = 'pytest.raises(Exception, client.generate, "a", model="gemini-9")'
    project(tmp_path, ASKS.format(body=body, redact=[]))
    assert "1 passed" in recorded(tmp_path, service)
    assert "1 passed" in replayed(tmp_path)


# What stands above a test → why it is not recorded.
REFUSED = [
    ("@pytest.mark.gemini_recording('a.txt')", "ends in .jsonl"),
    ("@pytest.mark.gemini_recording(5)", "takes the name of a file"),
    ("@pytest.mark.gemini_recording(redacted=[])", "not 'redacted'"),
    ("@pytest.mark.gemini_recording(redact='a')", "takes a list of paths"),
    ("@pytest.mark.gemini_recording(redact=['a b'])", "not a path of JSON"),
    ("@pytest.mark.gemini_recording()\n@pytest.mark.gemini_script('a')", "exclude each other"),
]


def test_a_mark_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    tests = [f"{marks}\ndef test_{n}():\n    pass\n" for n, (marks, _) in enumerate(REFUSED)]
    said = replayed(project(tmp_path, "import pytest\n\n" + "\n".join(tests)))
    assert f"{len(REFUSED)} errors" in said
    for _, why in REFUSED:
        assert why in said


def test_a_recording_needs_a_key_and_something_to_record_and_one_test(
    tmp_path: Path, service: ServedEmulator
) -> None:
    nothing = "import pytest\n@pytest.mark.gemini_recording('a.jsonl')\ndef test_{}():\n    pass\n"
    folder = project(tmp_path, nothing.format("one") + nothing.format("two"))
    assert "needs a key" in run(folder, "--gemini-record=once").stdout
    said = recorded(folder, service, "--gemini-record=all")
    assert "nothing was recorded" in said
    assert "test_it.py::test_one records into" in said
