"""Open enums: what Google adds tomorrow survives."""

from __future__ import annotations

import copy
import pickle

import pytest

from gemstream.wire.codec import decode, encode
from gemstream.wire.response import BlockReason, Candidate, FinishReason
from gemstream.wire.safety import HarmCategory


@pytest.mark.parametrize("value", ["STOP", "A_NEW_ONE", "", "ünknown", "stop"])
def test_a_value_is_its_string_whether_known_or_not(value: str) -> None:
    reason = FinishReason(value)
    assert reason == value == str(reason) == f"{reason}" == reason.value
    assert hash(reason) == hash(value)
    assert {value: 1}[reason] == 1
    assert isinstance(reason, FinishReason)
    assert reason.is_known is (value == "STOP")


@pytest.mark.parametrize("value", ["STOP", "A_NEW_ONE"])
def test_a_value_survives_json_pickle_and_copy(value: str) -> None:
    reason = FinishReason(value)
    assert decode(encode(Candidate(finish_reason=reason)), Candidate).finish_reason == reason
    for same in (pickle.loads(pickle.dumps(reason)), copy.copy(reason), copy.deepcopy(reason)):
        assert same == reason and type(same) is FinishReason


def test_unknown_values_are_equal_to_each_other_and_not_to_others() -> None:
    assert FinishReason("NEW") == FinishReason("NEW")
    assert FinishReason("NEW") != FinishReason("NEWER")
    assert FinishReason("NEW") != FinishReason.STOP
    assert FinishReason.STOP != 1


def test_unknown_values_are_no_members() -> None:
    count = len(FinishReason)
    FinishReason("NEW")
    assert len(FinishReason) == count
    assert "NEW" not in FinishReason.__members__


@pytest.mark.parametrize("value", [1, None, b"STOP"])
def test_what_is_not_text_is_no_value(value: object) -> None:
    with pytest.raises(ValueError):
        FinishReason(value)


@pytest.mark.parametrize(
    ("value", "unspecified"),
    [
        (FinishReason("FINISH_REASON_UNSPECIFIED"), True),
        (BlockReason("BLOCK_REASON_UNSPECIFIED"), True),
        (HarmCategory("HARM_CATEGORY_UNSPECIFIED"), True),
        (FinishReason.STOP, False),
        (FinishReason("NEW"), False),
    ],
)
def test_the_zero_value_of_proto_means_not_set(value: FinishReason, unspecified: bool) -> None:
    assert value.is_unspecified is unspecified
