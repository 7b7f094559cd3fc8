"""Ephemeral tokens: as they are written, and what a session may still choose with one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gemstream.wire.codec import decode, encode, from_plain, to_plain
from gemstream.wire.live.auth_token import AuthToken, constrained_setup
from gemstream.wire.live.setup import LiveSetup

_HELD = {"model": "models/a", "generationConfig": {"temperature": 0.1, "topK": 3.0}}
_ASKED = {
    "model": "models/b",
    "generationConfig": {"temperature": 0.9, "topP": 0.5},
    "sessionResumption": {"handle": "h"},
}


def test_a_token_is_written_and_read_as_the_service_names_it() -> None:
    token = AuthToken(
        uses=0,
        expire_time="2026-01-31T00:30:00Z",
        new_session_expire_time="2026-01-31T00:01:00Z",
        bidi_generate_content_setup=from_plain(_HELD, LiveSetup),
        field_mask="model",
    )
    plain = {
        "uses": 0,
        "expireTime": "2026-01-31T00:30:00Z",
        "newSessionExpireTime": "2026-01-31T00:01:00Z",
        "bidiGenerateContentSetup": _HELD,
        "fieldMask": "model",
    }
    assert msgspec.json.decode(encode(token)) == plain
    assert decode(encode(token), AuthToken) == token
    assert decode(b'{"name":"auth_tokens/x"}', AuthToken) == AuthToken(name="auth_tokens/x")


@pytest.mark.parametrize(
    ("held", "mask", "in_force"),
    [
        (None, None, _ASKED),
        (None, "model", _ASKED),
        # Without a mask all is the token's, but a handle is never.
        (_HELD, None, {**_HELD, "sessionResumption": {"handle": "h"}}),
        (_HELD, "model.x,,nothing.at.all", _ASKED),
        (_HELD, "model", {**_ASKED, "model": "models/a"}),
        (
            _HELD,
            "model, generation_config.temperature,generationConfig.topP",
            {
                "model": "models/a",
                "generationConfig": {"temperature": 0.1},
                "sessionResumption": {"handle": "h"},
            },
        ),
        (_HELD, "generationConfig", {**_ASKED, "generationConfig": _HELD["generationConfig"]}),
        # What the token locks and does not set cannot be set.
        (
            {"model": "models/a"},
            "generationConfig.topP,generationConfig.temperature,labels.x",
            {"model": "models/b", "sessionResumption": {"handle": "h"}},
        ),
        # What says something by being there stays, whether the client resumes or not.
        (
            {"sessionResumption": {}},
            None,
            {"sessionResumption": {"handle": "h"}},
        ),
        (
            {"sessionResumption": {}, "model": "models/a"},
            "model,sessionResumption",
            {**_ASKED, "model": "models/a"},
        ),
    ],
)
def test_locked_fields_are_the_token_s(
    held: dict[str, Any] | None, mask: str | None, in_force: dict[str, Any]
) -> None:
    locked = None if held is None else from_plain(held, LiveSetup)
    token = AuthToken(bidi_generate_content_setup=locked, field_mask=mask)
    assert token.locks_anything is (held is not None)
    setup = constrained_setup(from_plain(_ASKED, LiveSetup), token)
    assert to_plain(setup) == in_force


@pytest.mark.parametrize("mask", [None, "sessionResumption", "sessionResumption.transparent"])
def test_a_token_that_lets_sessions_be_resumed_does_so_from_the_first(mask: str | None) -> None:
    held = from_plain({"sessionResumption": {}}, LiveSetup)
    token = AuthToken(bidi_generate_content_setup=held, field_mask=mask)
    for asked in ({}, {"sessionResumption": {}}):
        in_force = to_plain(constrained_setup(from_plain(asked, LiveSetup), token))
        locks_it = mask != "sessionResumption.transparent"
        assert in_force == ({"sessionResumption": {}} if locks_it else asked)
