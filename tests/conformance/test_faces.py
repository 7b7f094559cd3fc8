"""Both faces do the same, and the blocking one has no logic in which it could differ."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import pytest

from conformance.faces import CASES, AsyncFace, BlockingFace, outcome
from gemstream.client.blocking import BlockingLiveTokens, BlockingModels, Client
from gemstream.client.blocking_stream import BlockingStream, BlockingTextStream
from gemstream.client.client import AsyncClient
from gemstream.client.live.blocking_session import BlockingLiveSession
from gemstream.client.live.blocking_turn import BlockingLiveText, BlockingLiveTurn
from gemstream.client.live.session import LiveSession
from gemstream.client.live.tokens import LiveTokens
from gemstream.client.live.turn import LiveText, LiveTurn
from gemstream.client.models import Models
from gemstream.client.stream import GenerateStream, TextStream


@pytest.mark.parametrize("case", CASES)
def test_both_faces_come_to_the_same(case: str) -> None:
    assert outcome(AsyncFace, CASES[case]) == outcome(BlockingFace, CASES[case])


# --- parity ----------------------------------------------------------------------------------

PAIRS = [
    (AsyncClient, Client),
    (GenerateStream, BlockingStream),
    (TextStream, BlockingTextStream),
    (Models, BlockingModels),
    (LiveTokens, BlockingLiveTokens),
    (LiveSession, BlockingLiveSession),
    (LiveTurn, BlockingLiveTurn),
    (LiveText, BlockingLiveText),
]
BLOCKING_NAMES = {
    "aclose": "close",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}
# What the two promise about tasks and threads cannot be in the same words.
OWN_WORDS = {"finish", "cancel"}
MOST_STATEMENTS = 4


def _public(kind: type) -> dict[str, Any]:
    """Return the public members of a class, and the protocols it follows."""
    return {
        name: member
        for name, member in vars(kind).items()
        if not name.startswith("_") or name in BLOCKING_NAMES or name in BLOCKING_NAMES.values()
    }


def _twins() -> list[tuple[str, Any, Any]]:
    return [
        (f"{face.__name__}.{name}", member, _public(face).get(BLOCKING_NAMES.get(name, name)))
        for kind, face in PAIRS
        for name, member in _public(kind).items()
        if not inspect.ismemberdescriptor(member)
    ]


TWINS = pytest.mark.parametrize(
    ("name", "member", "twin"), [pytest.param(*given, id=given[0]) for given in _twins()]
)


def _function(member: Any) -> Any:
    return member.fget if isinstance(member, property) else member


@TWINS
def test_every_public_name_has_a_twin(name: str, member: Any, twin: Any) -> None:
    assert twin is not None
    assert isinstance(twin, property) is isinstance(member, property)
    assert not inspect.iscoroutinefunction(twin)


@TWINS
def test_twins_take_the_same(name: str, member: Any, twin: Any) -> None:
    ours, theirs = (inspect.signature(_function(one)).parameters for one in (member, twin))
    assert list(ours.values()) == list(theirs.values())


@TWINS
def test_twins_promise_the_same(name: str, member: Any, twin: Any) -> None:
    if name.rpartition(".")[2] not in OWN_WORDS:
        assert inspect.getdoc(_function(member)) == inspect.getdoc(_function(twin))
    assert inspect.getdoc(_function(twin)) or name.rpartition(".")[2].startswith("__")


@TWINS
def test_a_twin_has_no_logic(name: str, member: Any, twin: Any) -> None:
    [function] = ast.parse(textwrap.dedent(inspect.getsource(_function(twin)))).body
    statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)][1:]
    is_said = [node for node in statements if not _is_docstring(node)]
    assert len(is_said) <= MOST_STATEMENTS


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@pytest.mark.parametrize(("kind", "face"), PAIRS)
def test_the_blocking_face_has_no_names_of_its_own(kind: type, face: type) -> None:
    expected = {BLOCKING_NAMES.get(name, name) for name in _public(kind)}
    assert set(_public(face)) <= expected


def test_both_clients_are_made_of_the_same_options() -> None:
    ours, theirs = (inspect.signature(kind).parameters for kind in (AsyncClient, Client))
    assert list(ours.values()) == list(theirs.values())


def test_both_clients_show_the_same_attributes() -> None:
    with Client("key") as blocking:
        theirs = {name for name in vars(blocking) if not name.startswith("_")}
    assert theirs == {name for name in vars(AsyncClient("key")) if not name.startswith("_")}
