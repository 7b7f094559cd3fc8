"""A file of somebody else's hand: what is asked is set, and every other byte stays."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gemstream.config.editing import with_texts
from gemstream.errors import ConfigError

FILE = Path("gemstream.toml")
TABLE = ("providers", "gemini")

# Before → after setting default_tier to "tier1".
EDITS = {
    "": '[providers.gemini]\ndefault_tier = "tier1"\n',
    "# mine\n": '# mine\n\n[providers.gemini]\ndefault_tier = "tier1"\n',
    "[budget]\nrpm = 0.8": '[budget]\nrpm = 0.8\n\n[providers.gemini]\ndefault_tier = "tier1"\n',
    "[providers.gemini]\n": '[providers.gemini]\ndefault_tier = "tier1"\n',
    "[providers.gemini]": '[providers.gemini]\ndefault_tier = "tier1"',
    "[providers.gemini] # x\napi_version = 'v1'\n[budget]\n": (
        "[providers.gemini] # x\ndefault_tier = \"tier1\"\napi_version = 'v1'\n[budget]\n"
    ),
    "[providers.gemini]\n  default_tier   =   'free'   # for now\n": (
        '[providers.gemini]\n  default_tier   =   "tier1"   # for now\n'
    ),
    'providers.gemini.default_tier = "free"\n': 'providers.gemini.default_tier = "tier1"\n',
    '[providers."gemini"]\r\ndefault_tier = "free"\r\n': (
        '[providers."gemini"]\r\ndefault_tier = "tier1"\r\n'
    ),
    "[providers.gemini.tiers.free]\nrpm = 1\n": (
        '[providers.gemini.tiers.free]\nrpm = 1\n\n[providers.gemini]\ndefault_tier = "tier1"\n'
    ),
}


@pytest.mark.parametrize("before", EDITS)
def test_a_text_is_set_and_all_else_stays(before: str) -> None:
    after = with_texts(FILE, before, TABLE, {"default_tier": "tier1"})
    assert after == EDITS[before]
    assert with_texts(FILE, after, TABLE, {"default_tier": "tier1"}) == after


NOT_OURS = [
    'providers = {gemini = {api_version = "v1"}}\n',
    "providers = 5\n",
    "[providers]\ngemini = 5\n",
    "[providers.gemini]\ndefault_tier = 5\n",
    '[providers.gemini]\ndefault_tier = """\nfree"""\n',
    "providers.gemini.api_version = 'v1'\n",
]


@pytest.mark.parametrize("text", NOT_OURS)
def test_what_is_written_in_another_way_is_left_to_its_author(text: str) -> None:
    with pytest.raises(ConfigError, match=r'put default_tier = "tier1" below \[providers.gemini\]'):
        with_texts(FILE, text, TABLE, {"default_tier": "tier1"})


def test_a_broken_file_is_told() -> None:
    with pytest.raises(ConfigError, match=r"gemstream\.toml:1"):
        with_texts(FILE, "[providers", TABLE, {"default_tier": "tier1"})


keys = st.sampled_from(["default_tier", "default_model", "a", "b"])
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8)
lines = st.one_of(
    st.builds("[{}]".format, st.sampled_from(["providers", "providers.gemini", "x"])),
    st.builds("{} = '{}'".format, keys, st.sampled_from(["", "v", "# v"])),
    st.just("# a comment = 1"),
    st.just(""),
)


@given(st.lists(lines, max_size=8).map("\n".join), keys, texts)
def test_an_edit_does_what_was_asked_or_nothing(text: str, name: str, value: str) -> None:
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    try:
        after = tomllib.loads(with_texts(FILE, text, TABLE, {name: value}))
    except ConfigError:
        return
    assert after["providers"]["gemini"].pop(name) == value
    before.setdefault("providers", {}).setdefault("gemini", {}).pop(name, None)
    assert after == before
