"""Python functions → declarations: what the model is told, and what is refused."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest
from google.genai import types

from gemstream import FunctionCall, FunctionDeclaration, FunctionTool
from gemstream.client.tools.given_tools import given_tools
from gemstream.client.tools.registry import ToolRegistry
from gemstream.errors import InvalidRequest
from gemstream.wire.codec import to_plain
from gemstream.wire.tool import Behavior, ComputerUse, GoogleSearch, Tool


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    """A place."""

    x: int
    y: int = 0


class Box(msgspec.Struct):
    corner: Point
    inner: list[Box] = []


class Options(TypedDict, total=False):
    loud: bool


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str
    friends: list[Person] = []


POINT = {
    "title": "Point",
    "description": "A place.",
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
    "required": ["x"],
}
# Hint → the schema of a parameter that has it.
HINTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "text": (str, {"type": "string"}),
    "an integer": (int, {"type": "integer"}),
    "a number": (float, {"type": "number"}),
    "a switch": (bool, {"type": "boolean"}),
    "anything": (Any, {}),
    "a list": (list[int], {"type": "array", "items": {"type": "integer"}}),
    "a dict": (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    "texts": (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
    "numbers": (Literal[1, 2], {"type": "integer", "enum": [1, 2]}),
    "one or none": (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    "either": (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    "an enum": (Colour, {"title": "Colour", "type": "string", "enum": ["blue", "red"]}),
    "a date": (datetime.date, {"type": "string", "format": "date"}),
    "a dataclass": (Point, POINT),
    "a TypedDict": (
        Options,
        {
            "title": "Options",
            "type": "object",
            "properties": {"loud": {"type": "boolean"}},
            "required": [],
        },
    ),
    "a Meta": (
        Annotated[int, msgspec.Meta(ge=1, description="How many.")],
        {"type": "integer", "minimum": 1, "description": "How many."},
    ),
    "a text beside": (Annotated[int, "How many."], {"type": "integer", "description": "How many."}),
    "pydantic's Field": (
        Annotated[int, pydantic.Field(ge=1, description="How many.")],
        {"type": "integer", "minimum": 1, "description": "How many."},
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_a_hint_becomes_a_schema(case: str) -> None:
    hint, schema = HINTS[case]

    def function(value): ...  # type: ignore[no-untyped-def]

    function.__annotations__["value"] = hint
    assert _schema(function) == {
        "type": "object",
        "properties": {"value": schema},
        "required": ["value"],
    }


def test_types_that_hold_themselves_stand_among_the_definitions() -> None:
    def function(box: Box, boxes: list[Box], person: Person | None = None) -> None: ...

    schema = _schema(function)
    assert schema["properties"]["box"]["properties"]["corner"] == {"$ref": "#/$defs/Point"}
    assert schema["properties"]["boxes"]["items"] == {"$ref": "#/$defs/Box"}
    assert schema["properties"]["person"]["anyOf"][0] == {"$ref": "#/$defs/Person"}
    assert set(schema["$defs"]) == {"Box", "Point", "Person"}
    assert schema["$defs"]["Person"]["description"] == "Somebody."


def test_defaults_are_told_and_make_an_argument_optional() -> None:
    def function(
        a: int,
        b: int = 2,
        c: Point = Point(1),  # noqa: B008
        d: float = float("nan"),
        e: int | None = None,
        *,
        f: str,
    ) -> None: ...

    schema = _schema(function)
    assert schema["required"] == ["a", "f"]
    defaults = {name: one.get("default") for name, one in schema["properties"].items()}
    assert defaults == {
        "a": None,
        "b": 2,
        "c": {"x": 1, "y": 0},
        "d": None,
        "e": None,
        "f": None,
    }


def described(city: str, days: int = 3) -> str:
    """Tell the weather.

    Args:
        city: Where.
        days: How far ahead.
    """
    return city * days


def test_the_docstring_describes_function_and_parameters() -> None:
    declaration = FunctionTool(described).declaration
    assert (declaration.name, declaration.description) == ("described", "Tell the weather.")
    properties = _schema(described)["properties"]
    assert properties["city"] == {"type": "string", "description": "Where."}
    assert properties["days"] == {
        "type": "integer",
        "description": "How far ahead.",
        "default": 3,
    }


def test_what_is_given_by_name_wins() -> None:
    tool = FunctionTool(
        described, name="weather", description="Rain?", behavior="non_blocking", timeout=5
    )
    assert tool.name == "weather"
    assert tool.declaration.description == "Rain?"
    assert tool.declaration.behavior is Behavior.NON_BLOCKING
    assert tool.timeout == 5
    assert repr(tool) == "<FunctionTool weather>"


class Lamp:
    """A lamp."""

    def switch(self, on: bool) -> None:
        """Switch it."""

    @classmethod
    def made(cls, by: str) -> None:
        """Make it."""

    @staticmethod
    def broken(how: str) -> None:
        """Break it."""

    def __call__(self, level: int) -> None:
        """Dim it."""


async def awaited(a: int) -> None:
    """Wait."""


async def generated(a: int) -> AsyncIterator[int]:
    """Yield."""
    yield a


@functools.wraps(described)
def wrapped(*args: Any, **kwargs: Any) -> Any:
    return described(*args, **kwargs)


def nothing() -> None:
    """Do nothing."""


CALLABLES: dict[str, tuple[Callable[..., Any], str, str, list[str]]] = {
    "a function": (described, "described", "Tell the weather.", ["city", "days"]),
    "an async one": (awaited, "awaited", "Wait.", ["a"]),
    "an async generator": (generated, "generated", "Yield.", ["a"]),
    "a method": (Lamp().switch, "switch", "Switch it.", ["on"]),
    "a class method": (Lamp.made, "made", "Make it.", ["by"]),
    "a static method": (Lamp.broken, "broken", "Break it.", ["how"]),
    "an object": (Lamp(), "Lamp", "Dim it.", ["level"]),
    "a decorated function": (wrapped, "described", "Tell the weather.", ["city", "days"]),
    "no parameters": (nothing, "nothing", "Do nothing.", []),
}


@pytest.mark.parametrize("case", CALLABLES)
def test_whatever_can_be_called_is_declared(case: str) -> None:
    function, name, description, parameters = CALLABLES[case]
    declaration = FunctionTool(function).declaration
    assert (declaration.name, declaration.description) == (name, description)
    schema = declaration.parameters_json_schema
    assert (schema is None) is (not parameters)
    assert list((schema or {"properties": {}})["properties"]) == parameters


# --- what is refused -------------------------------------------------------------------------


def unhinted(a, b: int = 1): ...  # type: ignore[no-untyped-def]


def positional(a: int, /) -> None: ...


def many(*names: str) -> None: ...


def any_name(**more: str) -> None: ...


def strange(a: complex) -> None: ...


def nested(a: list[object]) -> None: ...


def two_kinds(a: Point | Box) -> None: ...


def untold(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def größe(a: int) -> None: ...


def yields(a: int) -> Iterator[int]:
    yield a


def _other_point() -> Any:
    Other = dataclasses.make_dataclass("Point", [("z", int)])

    def function(a, b): ...  # type: ignore[no-untyped-def]

    function.__annotations__ |= {"a": list[Point], "b": list[Other]}  # type: ignore[valid-type]
    return function


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no hint": (
        lambda: FunctionTool(unhinted),
        r"'unhinted': parameter 'a' has no type hint.*a: s",
    ),
    "a method without its object": (lambda: FunctionTool(Lamp.switch), "pass the method of an obj"),
    "positional only": (lambda: FunctionTool(positional), "'a' is positional-only"),
    "any number": (lambda: FunctionTool(many), "'names' takes any number of arguments; use a list"),
    "any name": (lambda: FunctionTool(any_name), "'more' takes arguments of any name"),
    "no schema": (lambda: FunctionTool(strange), "'a': the type complex has no JSON Schema"),
    "no schema inside": (lambda: FunctionTool(nested), r"the type list\[object\] has no JSON"),
    "two objects": (lambda: FunctionTool(two_kinds), "more than one dict-like type"),
    "an unknown name": (lambda: FunctionTool(untold), "hints that cannot be read: name 'Missing'"),
    "another alphabet": (lambda: FunctionTool(größe), "'größe' cannot be a function's name"),
    "a bad name": (lambda: FunctionTool(described, name="a b"), "'a b' cannot be a function's na"),
    "a long name": (lambda: FunctionTool(described, name="a" * 129), "up to 128"),
    "a lambda": (lambda: FunctionTool(lambda a: a), "a lambda has no name"),
    "a partial": (lambda: FunctionTool(functools.partial(described, "a")), "it is a partial"),
    "a class": (lambda: FunctionTool(Point), "it is a class"),
    "a generator": (lambda: FunctionTool(yields), "a generator; make it an async one"),
    "no function": (lambda: FunctionTool("described"), "it is a str"),  # type: ignore[arg-type]
    "a builtin": (lambda: FunctionTool(print), "parameter 'args' takes any number"),
    "a behavior": (lambda: FunctionTool(described, behavior="FAST"), "behavior is 'FAST'; use BLO"),
    "a scheduling": (lambda: FunctionTool(described, scheduling="SOON"), "use one of SILENT, WHEN"),
    "a scheduling of none": (
        lambda: FunctionTool(described, scheduling="SILENT", behavior="BLOCKING"),
        "its scheduling has no meaning",
    ),
    "no time": (lambda: FunctionTool(described, timeout=0), "timeout is 0; it must be a positive"),
    "no number": (lambda: FunctionTool(described, timeout=True), "timeout is True"),
    "two of a name": (lambda: ToolRegistry([described, described]), "two functions have the name"),
    "one declared beside": (
        lambda: given_tools([described, FunctionDeclaration(name="described")]),
        "two functions have the name 'described'",
    ),
    "two types of a name": (lambda: FunctionTool(_other_point()), "has two types named 'Point'"),
    "no tool": (lambda: given_tools(["search"]), "is a function, .*, not 'search'"),  # type: ignore[list-item]
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_model_could_not_call_is_refused(case: str) -> None:
    make, said = REFUSED[case]
    with pytest.raises(InvalidRequest, match=said):
        make()


# --- among other tools -----------------------------------------------------------------------


def test_functions_are_declared_among_tools_and_declarations() -> None:
    raw = FunctionDeclaration(name="raw")
    wire, registry = given_tools([Tool(google_search=GoogleSearch()), described, raw])
    assert [sorted(to_plain(tool)) for tool in wire] == [["googleSearch"], ["functionDeclarations"]]
    assert [one.name for one in wire[1].function_declarations] == ["raw", "described"]
    answered = {name: registry.runs(_call(name)) for name in ("described", "raw", "other")}
    assert answered == {"described": True, "raw": False, "other": True}
    assert repr(registry) == "<ToolRegistry described>"


PASSED: dict[str, list[Any]] = {
    "no tools": [],
    "a declaration": [FunctionDeclaration(name="raw")],
    "computer use": [described, Tool(computer_use=ComputerUse())],
}


@pytest.mark.parametrize("case", PASSED)
def test_what_only_the_program_can_know_is_left_to_it(case: str) -> None:
    _, registry = given_tools(PASSED[case])
    assert not registry.runs(_call("click_at"))


def test_names_in_plain_declarations_are_known() -> None:
    plain: Any = {"name": "raw"}
    _, registry = given_tools([described, Tool(function_declarations=[plain])])
    assert not registry.runs(_call("raw"))


# --- against the official SDK ----------------------------------------------------------------


def plain_types(
    a: int,
    b: str = "x",
    c: float = 0.5,
    d: list[int] = [],  # noqa: B006
    e: Literal["a", "b"] = "a",
    f: dict[str, int] = {},  # noqa: B006
    g: bool = False,
    h: int | str = 1,
) -> str:
    """Do a thing."""
    return ""


def optional(a: float | None) -> str:
    """Do a thing."""
    return ""


@pytest.mark.parametrize("function", [plain_types, optional, nothing, awaited])
def test_the_official_sdk_declares_the_same(function: Callable[..., Any]) -> None:
    theirs = types.FunctionDeclaration.from_callable_with_api_option(
        callable=function, use_json_schema=True
    )
    ours = FunctionTool(function).declaration
    assert (ours.name, ours.description) == (theirs.name, theirs.description)
    assert ours.parameters_json_schema == theirs.parameters_json_schema


def _schema(function: Callable[..., Any]) -> dict[str, Any]:
    schema = FunctionTool(function).declaration.parameters_json_schema
    assert schema is not None
    return schema


def _call(name: str) -> FunctionCall:
    return FunctionCall(name=name)
