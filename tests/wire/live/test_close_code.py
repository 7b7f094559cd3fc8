"""The table of close codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.wire.live.close_code import RetryClass, close_code
from support.strategies import calm

_DONE, _RESUME, _STOP = RetryClass.DONE, RetryClass.RESUME, RetryClass.STOP
# Code, what may be done after it, the least wait, whether a peer may send it.
ROWS = [
    (1000, _DONE, 0, True),
    (1001, _RESUME, 0, True),
    (1002, _STOP, 0, True),
    (1003, _STOP, 0, True),
    (1005, _RESUME, 0, False),
    (1006, _RESUME, 0, False),
    (1007, _STOP, 0, True),
    (1008, RetryClass.BY_REASON, 0, True),
    (1009, _STOP, 0, True),
    (1010, _STOP, 0, True),
    (1011, _RESUME, 0, True),
    (1012, _RESUME, 1, True),
    (1013, _RESUME, 1, True),
    (1014, _RESUME, 1, True),
    (1015, _RESUME, 0, False),
    (4401, _STOP, 0, True),
    (4403, _STOP, 0, True),
    (4429, _RESUME, 4, True),
    (0, _STOP, 0, False),
    (999, _STOP, 0, False),
    (1004, _STOP, 0, False),
    (1016, _STOP, 0, False),
    (2999, _STOP, 0, False),
    (3000, _STOP, 0, True),
    (4999, _STOP, 0, True),
    (5000, _STOP, 0, False),
]


@pytest.mark.parametrize(("code", "retry", "least", "may_be_sent"), ROWS)
def test_a_code_says_what_may_be_done(
    code: int, retry: RetryClass, least: float, may_be_sent: bool
) -> None:
    row = close_code(code)
    assert (row.code, row.retry, row.least_delay, row.may_be_sent) == (
        code,
        retry,
        least,
        may_be_sent,
    )


def test_no_close_frame_at_all_is_1006() -> None:
    assert close_code(None) == close_code(1006)


@calm
@given(code=st.integers())
def test_every_number_has_a_meaning(code: int) -> None:
    assert close_code(code).code == code
    assert close_code(code).meaning
