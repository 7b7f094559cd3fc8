"""A call of a function: whatever happens, a response comes of it."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import datetime
import enum
import math
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gemstream import Blob, FunctionCall, FunctionResponse, FunctionResult, FunctionTool
from gemstream.client.tools.invocation import MAX_VALUES
from gemstream.client.tools.registry import ToolRegistry
from gemstream.errors import InvalidRequest
from gemstream.wire.codec import encode
from gemstream.wire.content import FunctionResponsePart, Scheduling
from support.clock import in_no_time


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=2)


class Colour(enum.Enum):
    RED = "red"


async def run(tool: Any, args: dict[str, Any] | None = None, **options: Any) -> FunctionResponse:
    """Call the one tool of a registry by its name."""
    registry = ToolRegistry([tool], **options)
    [declaration] = registry.declarations
    return await registry.run(FunctionCall(id="1", name=declaration.name, args=args))


def error_of(response: FunctionResponse) -> str:
    assert response.response is not None
    assert list(response.response) == ["error"]
    error: str = response.response["error"]
    return error


# --- arguments -------------------------------------------------------------------------------


def takes(
    whole: int = 0,
    number: float = 0.0,
    text: str = "",
    switch: bool = False,
    point: Point | None = None,
    points: list[Point] | None = None,
    person: Person | None = None,
    people: list[Person] | None = None,
    colour: Colour | None = None,
    day: datetime.date | None = None,
    choice: Literal["a", "b"] = "a",
    either: int | str = 0,
) -> FunctionResult:
    """Keep what is passed."""
    kept.update(locals())
    return FunctionResult("kept")


kept: dict[str, Any] = {}

ARGUMENTS: dict[str, tuple[str, Any, Any]] = {
    "an integer": ("whole", 3, 3),
    "an integer as a number": ("whole", 3.0, 3),
    "an integer in quotes": ("whole", "3", 3),
    "a number": ("number", 3, 3.0),
    "text": ("text", "3", "3"),
    "null in quotes": ("text", "null", "null"),
    "a switch in quotes": ("switch", "true", True),
    "a dataclass": ("point", {"x": 1}, Point(1)),
    "dataclasses": ("points", [{"x": 1}, {"x": "2", "y": 3}], [Point(1), Point(2, 3)]),
    "a pydantic model": ("person", {"name": "Ada"}, Person(name="Ada")),
    "pydantic models": ("people", [{"name": "Ada"}], [Person(name="Ada")]),
    "an enum": ("colour", "red", Colour.RED),
    "a date": ("day", "2026-01-31", datetime.date(2026, 1, 31)),
    "none": ("point", None, None),
    "either, as it is": ("either", "3", "3"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
async def test_arguments_come_as_the_hints_want_them(case: str) -> None:
    name, value, meant = ARGUMENTS[case]
    kept.clear()
    assert (await run(takes, {name: value})).response == {"result": "kept"}
    assert kept[name] == meant
    assert type(kept[name]) is type(meant)


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "no integer": ({"whole": "three"}, "argument 'whole': Expected `int`, got `str`"),
    "half a number": ({"whole": 3.5}, "argument 'whole': Expected `int`, got `float`"),
    "deep inside": ({"points": [{"x": 1}, {}]}, "argument 'points': Object missing required field"),
    "pydantic's own": ({"person": {"name": "A"}}, "at least 2 characters - at 'name'"),
    "no such choice": ({"choice": "c"}, "argument 'choice': Invalid enum value 'c'"),
    "a name nobody has": ({"txet": "a"}, "there is no argument 'txet'; did you mean 'text'?"),
    "several": ({"whole": "a", "zzz": 1}, "'whole': Expected `int`, got `str`; there is no argu"),
}


@pytest.mark.parametrize("case", MISFITS)
async def test_arguments_that_do_not_fit_are_told_to_the_model(case: str) -> None:
    args, said = MISFITS[case]
    kept.clear()
    error = error_of(await run(takes, args))
    assert error.startswith("the arguments of takes do not fit: ")
    assert said in error
    assert not kept


async def test_missing_arguments_are_told() -> None:
    def needs(a: int, b: int, c: int = 0) -> int:
        return a

    error = error_of(await run(needs, {"b": 1}))
    assert error == "the arguments of needs do not fit: argument 'a' is missing"
    assert "'a' is missing; argument 'b' is missing" in error_of(await run(needs))


async def test_a_validator_that_breaks_is_data() -> None:
    class Broken(pydantic.BaseModel):
        a: int

        @pydantic.field_validator("a")
        @classmethod
        def check(cls, value: int) -> int:
            raise RuntimeError("no")

    def needs(broken) -> None: ...  # type: ignore[no-untyped-def]

    needs.__annotations__["broken"] = Broken
    assert error_of(await run(needs, {"broken": {"a": 1}})) == "RuntimeError: no"


_JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63 - 1) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@settings(max_examples=40)  # each on a loop of its own
@given(some.dictionaries(some.text(), _JSON))
def test_what_json_holds_comes_back_as_it_went_in(value: dict[str, Any]) -> None:
    async def echo(value: dict[str, Any]) -> dict[str, Any]:
        return value

    response = asyncio.run(run(echo, {"value": value}))
    assert response == FunctionResponse(id="1", name="echo", response=value)
    assert msgspec.json.decode(encode(response))["response"] == value


@given(some.integers(), some.booleans(), some.lists(some.text()))
def test_a_dataclass_survives_the_way_there_and_back(x: int, y: bool, z: list[str]) -> None:
    @dataclasses.dataclass
    class Sent:
        x: int
        y: bool
        z: list[str]

    def echo(value):  # type: ignore[no-untyped-def]
        return value

    echo.__annotations__["value"] = Sent
    plain = {"x": x, "y": y, "z": z}
    assert asyncio.run(run(echo, {"value": plain})).response == {"result": plain}


# --- results ---------------------------------------------------------------------------------


class Record(msgspec.Struct):
    a: int


_LOOP: list[Any] = []
_LOOP.append(_LOOP)
RESULTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "a dict": ({"a": 1}, {"a": 1}),
    "an empty dict": ({}, {}),
    "a dict with other keys": ({1: "a"}, {"1": "a"}),
    "nothing": (None, {"result": None}),
    "text": ("a", {"result": "a"}),
    "a list": ([1, [2, 3]], {"result": [1, [2, 3]]}),
    "a dataclass": (Point(1), {"result": {"x": 1, "y": 0}}),
    "a Struct": (Record(1), {"result": {"a": 1}}),
    "a pydantic model": (Person(name="Ada"), {"result": {"name": "Ada"}}),
    "one inside": ({"who": [Person(name="Ada")]}, {"who": [{"name": "Ada"}]}),
    "an enum": (Colour.RED, {"result": "red"}),
    "a date": (datetime.date(2026, 1, 31), {"result": "2026-01-31"}),
    "bytes": (b"ab", {"result": "YWI="}),
    "with more": (FunctionResult({"a": 1}), {"a": 1}),
}
UNSAYABLE: dict[str, tuple[Any, str]] = {
    "an object": (object(), "object has no JSON form; use a dict or a dataclass"),
    "one inside": ({"a": [object()]}, "object has no JSON form"),
    "no number": ({"a": (math.nan,)}, "holds nan, and JSON has finite numbers only"),
    "itself": (_LOOP, "holds itself"),
    "half a character": ("\ud800", "cannot be written as JSON"),
}


@pytest.mark.parametrize("case", RESULTS)
async def test_a_result_is_a_dict_or_stands_in_one(case: str) -> None:
    returned, response = RESULTS[case]
    assert (await run(_returning(returned))).response == response


@pytest.mark.parametrize("case", UNSAYABLE)
async def test_a_result_that_json_cannot_say_is_data(case: str) -> None:
    returned, said = UNSAYABLE[case]
    assert said in error_of(await run(_returning(returned)))


async def test_media_and_scheduling_go_beside_the_value() -> None:
    picture = Blob.of(b"png", "image/png")
    result = FunctionResult({"a": 1}, scheduling="silent", parts=[picture])
    tool = FunctionTool(_returning(result), scheduling="INTERRUPT")
    assert await run(tool) == FunctionResponse(
        id="1",
        name="function",
        response={"a": 1},
        parts=(FunctionResponsePart(inline_data=picture),),
        scheduling=Scheduling.SILENT,
    )
    assert (await run(FunctionTool(_returning(1), scheduling="INTERRUPT"))).scheduling == (
        Scheduling.INTERRUPT
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [({"scheduling": "SOON"}, "scheduling is 'SOON'"), ({"parts": [b"x"]}, "not bytes; use Blob")],
)
def test_a_result_that_cannot_be_sent_is_refused_where_it_is_made(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        FunctionResult(1, **options)


def _returning(value: Any) -> Callable[..., Any]:
    async def function() -> Any:
        return value

    return function


# --- failures --------------------------------------------------------------------------------


class Unsayable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


FAILURES: dict[str, tuple[BaseException, str]] = {
    "an exception": (ValueError("no such city"), "ValueError: no such city"),
    "one without a text": (ValueError(), "ValueError"),
    "one that cannot be told": (Unsayable(), "Unsayable"),
    "StopIteration": (StopIteration("x"), "StopIteration"),
    "a timeout of its own": (TimeoutError("slow"), "TimeoutError: slow"),
    "a cancellation of its own": (asyncio.CancelledError(), "it was cancelled from within"),
    "a very long one": (ValueError("x" * 10_000), "x…"),
    "half a character": (ValueError("\ud800"), "ValueError: ?"),
}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("case", FAILURES)
async def test_an_exception_is_data(case: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    error, said = FAILURES[case]

    def sync() -> None:
        raise error

    async def awaited() -> None:
        raise error

    response = await run(sync if kind == "sync" else awaited)
    assert said in error_of(response)
    assert len(error_of(response)) < 2_100
    assert "Traceback" not in error_of(response)
    assert (response.id, response.name) == ("1", "sync" if kind == "sync" else "awaited")
    [record] = caplog.records  # where its program sees it
    assert record.name == "gemstream.tools"
    encode(response)


async def test_an_unknown_function_is_data() -> None:
    registry = ToolRegistry([takes])
    response = await registry.run(FunctionCall(id="1", name="take", args={}))
    assert error_of(response) == "there is no function 'take'; did you mean 'takes'?"
    response = await registry.run(FunctionCall())
    assert error_of(response) == "there is no function ''; there are: takes"


def test_a_function_that_takes_too_long_is_cancelled_and_data() -> None:
    cancelled: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            cancelled.append("slow")

    async def main(tool: Any, **options: Any) -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        return error_of(await run(tool, **options)), loop.time()

    told = "the function slow failed: it took longer than {:g} s"
    assert in_no_time(main(slow)) == (told.format(60), 60)
    assert in_no_time(main(slow, timeout=7)) == (told.format(7), 7)
    assert in_no_time(main(FunctionTool(slow, timeout=2), timeout=7)) == (told.format(2), 2)
    assert len(cancelled) == 3


def test_without_a_limit_a_function_takes_its_time() -> None:
    async def slow() -> str:
        await asyncio.sleep(1_000_000)
        return "done"

    response = in_no_time(run(FunctionTool(slow, timeout=math.inf)))
    assert response.response == {"result": "done"}


@pytest.mark.parametrize("timeout", [0, -1, math.nan, True, "1"])
def test_a_limit_that_is_none_is_refused(timeout: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"tool_timeout is .*positive number of seconds"):
        ToolRegistry(timeout=timeout)


# --- threads and tasks -----------------------------------------------------------------------


async def test_a_sync_function_runs_in_a_thread_with_the_context_of_its_caller() -> None:
    variable = contextvars.ContextVar("variable", default="outside")
    variable.set("inside")

    def where() -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), variable.get()]

    async def awaited() -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), variable.get()]

    assert (await run(where)).response == {"result": [False, "inside"]}
    assert (await run(awaited)).response == {"result": [True, "inside"]}


async def test_a_cancelled_sync_function_runs_on_and_its_result_is_dropped() -> None:
    started, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def stubborn() -> None:
        started.set()
        may_end.wait()
        ended.set()

    task = asyncio.create_task(run(stubborn))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ended.is_set()
    may_end.set()
    assert await asyncio.to_thread(ended.wait, 10)


async def test_functions_that_hang_keep_nobody_from_a_thread() -> None:
    began, may_end = threading.Semaphore(0), threading.Event()

    def hangs() -> None:
        began.release()
        may_end.wait()

    count = 40  # the event loop's own pool has 32 at most
    tasks = [asyncio.create_task(run(hangs)) for _ in range(count)]
    for _ in range(count):
        assert await asyncio.to_thread(began.acquire, timeout=30)
    may_end.set()
    assert {repr(one.response) for one in await asyncio.gather(*tasks)} == {"{'result': None}"}


def test_a_function_that_hangs_keeps_no_program_from_its_end() -> None:
    program = """
import asyncio, threading
from gemstream import FunctionCall
from gemstream.client.tools.registry import ToolRegistry

def hangs() -> None:
    threading.Event().wait()

registry = ToolRegistry([hangs], timeout=0.001)
print(asyncio.run(registry.run(FunctionCall(name="hangs"))).response["error"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "took longer" in done.stdout


async def test_a_cancelled_async_function_is_cancelled() -> None:
    cleaned: list[bool] = []
    started = asyncio.Event()

    async def waits() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    task = asyncio.create_task(run(waits))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == [True]


class Room:
    """Functions that know their object."""

    light = "off"

    def switch(self, on: bool) -> str:
        self.light = "on" if on else "off"
        return self.light

    async def __call__(self, on: bool) -> str:
        return self.switch(on)


async def test_methods_and_objects_keep_their_state() -> None:
    room = Room()
    assert (await run(room.switch, {"on": True})).response == {"result": "on"}
    assert room.light == "on"
    assert (await run(room, {"on": False})).response == {"result": "off"}
    assert room.light == "off"


async def test_a_sync_function_around_an_async_one_is_awaited() -> None:
    async def inner() -> str:
        return "inner"

    def outer() -> Any:
        return inner()

    assert (await run(outer)).response == {"result": "inner"}


# --- generators ------------------------------------------------------------------------------


async def counting(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


async def test_what_a_generator_yields_is_one_result() -> None:
    assert (await run(counting, {"to": 3})).response == {"result": [0, 1, 2]}


async def test_a_generator_without_end_comes_to_one() -> None:
    error = error_of(await run(counting, {"to": MAX_VALUES + 1}))
    assert error == "the function counting failed: it yielded more than 10,000 values"


async def _responses(tool: Any, args: dict[str, Any] | None = None) -> list[FunctionResponse]:
    registry = ToolRegistry([tool])
    [declaration] = registry.declarations
    call = FunctionCall(id="1", name=declaration.name, args=args)
    return [one async for one in registry.responses(call)]


async def test_a_generator_that_nobody_waits_for_responds_again_and_again() -> None:
    tool = FunctionTool(counting, behavior="NON_BLOCKING", scheduling="INTERRUPT")
    responses = await _responses(tool, {"to": 2})
    assert [(one.response, one.will_continue, one.scheduling) for one in responses] == [
        ({"result": 0}, True, Scheduling.INTERRUPT),
        ({"result": 1}, True, Scheduling.INTERRUPT),
        ({}, False, Scheduling.SILENT),
    ]
    [end] = await _responses(tool, {"to": 0})
    assert (end.response, end.will_continue, end.scheduling) == ({}, False, Scheduling.INTERRUPT)


async def test_a_blocking_generator_responds_once() -> None:
    for tool in (counting, FunctionTool(counting, behavior="BLOCKING")):
        [response] = await _responses(tool, {"to": 2})
        assert (response.response, response.will_continue) == ({"result": [0, 1]}, None)


BROKEN: dict[str, tuple[Any, str]] = {
    "an exception": (ValueError("no"), "ValueError: no"),
    "a value that cannot be sent": (object(), "object has no JSON form"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_generator_that_breaks_ends_with_data(case: str) -> None:
    second, said = BROKEN[case]
    closed: list[bool] = []

    async def breaking() -> AsyncIterator[Any]:
        try:
            yield 1
            if isinstance(second, Exception):
                raise second
            yield second
        finally:
            closed.append(True)

    first, last = await _responses(FunctionTool(breaking, behavior="NON_BLOCKING"))
    assert (first.response, first.will_continue) == ({"result": 1}, True)
    assert (said in error_of(last), last.will_continue) == (True, False)
    assert closed == [True]


async def test_a_generator_called_wrongly_ends_with_data() -> None:
    [only] = await _responses(FunctionTool(counting, behavior="NON_BLOCKING"))
    assert "argument 'to' is missing" in error_of(only)
    assert only.will_continue is False


def test_the_limit_of_a_generator_counts_from_value_to_value() -> None:
    async def dawdling() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(50)
            yield number
        await asyncio.sleep(61)

    *values, last = in_no_time(_responses(FunctionTool(dawdling, behavior="NON_BLOCKING")))
    assert [one.response for one in values] == [{"result": 0}, {"result": 1}, {"result": 2}]
    assert "took longer than 60 s" in error_of(last)
