"""The id of an upload: opened by who sealed it, until it is over, and by nobody else."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from gemstream.relay.files.upload_session import UploadSession, UploadSessions
from gemstream.relay.secrets.master import MasterSecret, Purpose
from gemstream.relay.secrets.sealed import Place, Sealer

MASTER = MasterSecret({1: "relay-tests-only-0123456789abcdef"})
URL = "https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=abc"


def test_it_opens_until_it_is_over() -> None:
    now = 1_800_000_000.0
    sessions = UploadSessions(MASTER, lambda: now)
    id = sessions.seal("team-a", "one", URL)
    session = sessions.open(id)
    assert session == UploadSession("team-a", "one", URL, 1_800_000_000 + 48 * 3600)
    assert URL not in repr(session)
    now += 48 * 3600
    assert sessions.open(id) is None


def test_no_other_secret_and_no_other_purpose_makes_one() -> None:
    sessions = UploadSessions(MASTER)
    other = UploadSessions(MasterSecret({1: "another-secret-0123456789abcdef0123"}))
    assert sessions.open(other.seal("team-a", "one", URL)) is None
    stored = Sealer(MASTER, Purpose.SECRET_ENCRYPTION).seal(b"x", Place("uploads", "session", "id"))
    assert sessions.open(base64.urlsafe_b64encode(stored).decode()) is None


@given(st.data())
def test_one_letter_more_less_or_other_is_none(data: st.DataObject) -> None:
    sessions = UploadSessions(MASTER)
    id = sessions.seal("team-a", "one", URL)
    at = data.draw(st.integers(0, len(id) - 2))  # the last letter has bits that mean nothing
    letter = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda one: one != id[at]))
    for changed in (id[:at] + letter + id[at + 1 :], id[:at] + id[at + 1 :], id[: at // 4 * 4]):
        assert sessions.open(changed) is None


@given(st.text())
def test_anything_else_is_none(text: str) -> None:
    assert UploadSessions(MASTER).open(text) is None
