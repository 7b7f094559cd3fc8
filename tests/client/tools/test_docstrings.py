"""What a docstring says of a function, in each of the three styles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gemstream.client.tools.docstring import read_docstring

GOOGLE = """Set the light.

Slowly, if you like.

Args:
    level (int, optional): How bright: from 0
        to 100.
    *rooms: Which rooms
    colour (Callable[[int], str]): What colour.

Returns:
    level: no parameter
"""
NUMPY = """Set the light.

Slowly, if you like.

Parameters
----------
level : int, optional
    How bright: from 0
    to 100.
*rooms
    Which rooms
colour : str
    What colour.

Returns
-------
level : int
    no parameter
"""
SPHINX = """Set the light.

Slowly, if you like.

:param int level: How bright: from 0
    to 100.
:type level: int
:param rooms: Which rooms
:param colour: What colour.

:returns: no parameter
"""
SAID = {"level": "How bright: from 0 to 100.", "rooms": "Which rooms", "colour": "What colour."}


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX], ids=["Google", "NumPy", "Sphinx"])
def test_a_style_is_read(text: str) -> None:
    said = read_docstring(text)
    assert said.description == "Set the light.\n\nSlowly, if you like."
    assert said.parameters == SAID


OTHERS = {
    "none": (None, "", {}),
    "empty": ("", "", {}),
    "one line": ("Do it.", "Do it.", {}),
    "a colon in a sentence": ("Note this: it works.", "Note this: it works.", {}),
    "code with a colon": ("\nDo it:\n\n    x = {a: b}", "Do it:\n\n    x = {a: b}", {}),
    "sections alone": ("\nArgs:\n    a: one", "", {"a": "one"}),
    "two sections of parameters": (
        "Do.\n\nArgs:\n  a: one\nKeyword Args:\n  b: two",
        "Do.",
        {"a": "one", "b": "two"},
    ),
    "NumPy's two names at once": (
        "Do.\n\nParameters\n----------\na, b : int\n    Both.",
        "Do.",
        {"a": "Both.", "b": "Both."},
    ),
    "an entry without a text": ("\nArgs:\n    a:\n    b: two", "", {"b": "two"}),
    "prose among the arguments": ("\nArgs:\n    As in f.\n    b: two", "", {"b": "two"}),
    "what follows at the margin": ("\nArgs:\n    a: one\nSo be: it", "", {"a": "one"}),
    "raised alone": ("Do.\n\n:raises ValueError: no", "Do.", {}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_entry_is_left_out(case: str) -> None:
    text, description, parameters = OTHERS[case]
    said = read_docstring(text)
    assert (said.description, said.parameters) == (description, parameters)


@given(some.text(some.sampled_from("ab :\n-*()argsARGS"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    said = read_docstring(text)
    assert all(name and told for name, told in said.parameters.items())
