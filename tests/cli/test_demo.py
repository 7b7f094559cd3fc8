"""The demo plays its three acts, and does not claim what did not happen."""

from __future__ import annotations

import asyncio
import io
import re
import signal
from collections.abc import Callable, Sequence

import msgspec
import pytest

from cli.program import GUARD, gemstream, started
from gemstream.cli.demo import Act, Played, Watch, acts, in_time, perform
from gemstream.cli.terminal import Printer
from gemstream.emulator import Emulator, Rule, Script, Stall, Status, Step
from support.clock import in_no_time


def test_the_demo_shows_what_it_promises() -> None:
    result = gemstream("demo")
    assert result.code == 0
    stream, cut, limited, end = re.split(r"\n\n(?=\d\. |Every)", result.out)
    assert stream.startswith("1. ")
    assert len(re.findall(r"^\[ *[\d.]+ ms\] ", stream, re.MULTILINE)) == 20
    assert "p99 gap" in stream
    assert cut.startswith("2. ")
    assert "StreamInterrupted" in cut
    assert "3 chunks" in cut
    assert limited.startswith("3. ")
    assert "attempt 2 succeeded after a 429" in limited
    assert "trying again in 2.0" in result.err
    assert len(re.findall(r"^✓ ", result.out, re.MULTILINE)) == 8
    assert "✗" not in result.out
    assert end == "Every promise was kept.\n"


def test_ctrl_c_ends_the_demo() -> None:
    with started("demo") as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=GUARD)
    assert (program.returncode, err) == (130, b"")


def played(program: Sequence[Act]) -> tuple[int, str]:
    out = io.StringIO()
    code = in_no_time(perform(program, Printer(out, {})))
    return code, out.getvalue()


def with_steps(act: Act, *steps: Step) -> Act:
    return msgspec.structs.replace(act, service=Emulator(Script([Rule(steps=steps)])))


BROKEN: list[Callable[[list[Act]], Act]] = [
    lambda program: with_steps(program[0], "one piece"),
    lambda program: with_steps(program[0], Status(code=400)),
    lambda program: with_steps(program[1], "a whole answer"),
    lambda program: with_steps(program[2], "no quota at all"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_an_act_that_goes_another_way_fails(broken: Callable[[list[Act]], Act]) -> None:
    code, out = played([broken(acts())])
    assert code == 1
    assert "FAILED" in out
    assert out.endswith("Not every promise was kept.\n")


def test_silence_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = played([with_steps(acts()[0], "a chunk, then ", Stall())])
    assert code == 5
    assert capsys.readouterr().err == "error: gave up: nothing happened for 30 s\n"


def test_silence_around_a_call_is_given_up_too() -> None:
    async def play(watch: Watch) -> Played:
        watch.receive_event()
        await asyncio.Event().wait()
        raise AssertionError

    assert in_no_time(in_time(30, play)) is None


def test_a_timeout_that_is_not_ours_is_not_silence() -> None:
    async def play(watch: Watch) -> Played:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        in_no_time(in_time(30, play))
