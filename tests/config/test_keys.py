"""What a file may not say: a typed error with the file, the line, the key and the nearest name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.budget import Budget
from gemstream.config.config import LimitSettings
from gemstream.config.keys import AWAY, KEYS, found_in
from gemstream.config.loading import load_config
from gemstream.config.timeouts import Timeouts
from gemstream.config.toml_file import dotted, parse_toml
from gemstream.errors import ConfigError
from gemstream.policy.retry import RetryPolicy

FILE = Path("a.toml")


def read(text: str) -> dict[str, Any]:
    return {dotted(found.key): found.value for found in found_in(parse_toml(FILE, text))}


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


def test_the_keys_are_the_fields_of_what_they_become() -> None:
    structs: dict[str, type[msgspec.Struct]] = {
        "budget": Budget,
        "limits": LimitSettings,
        "timeouts": Timeouts,
        "retry": RetryPolicy,
    }
    fields = {table: struct.__struct_fields__ for table, struct in structs.items()}
    *timeouts, limit_wait = fields["timeouts"]
    assert limit_wait == "limit_wait"  # it is limits.wait in a file
    assert {table: tuple(names) for table, names in KEYS.items()} == {
        **fields,
        "timeouts": tuple(timeouts),
    }
    assert LimitSettings().away in AWAY


TIER = "[providers.gemini.tiers.free]\n"
ROW = '[providers.gemini.tiers.free.models."gemini-2.5-pro"]\n'
KEY = "providers.gemini.tiers.free"
A_LIMIT = 'it must be a whole number from 1 on, or "unlimited"'

# Text → what is said of it, after the file.
REFUSED: list[tuple[str, str]] = [
    (f"{TIER}rpm = 0", f":2: {KEY}.rpm is 0; {A_LIMIT}"),
    (f"{TIER}\nrpm = -5", f":3: {KEY}.rpm is -5; {A_LIMIT}"),
    (f"{TIER}tpm = 1.5", f":2: {KEY}.tpm is 1.5; {A_LIMIT}"),
    (f"{TIER}rpd = true", f":2: {KEY}.rpd is True; {A_LIMIT}"),
    (f'{TIER}rpd = "10"', f":2: {KEY}.rpd is '10'; {A_LIMIT}"),
    (f"{TIER}concurrency = [2]", f":2: {KEY}.concurrency is [2]; {A_LIMIT}"),
    (f"{TIER}tpm = {2**64 - 1}", f":2: {KEY}.tpm is {2**64 - 1}; {A_LIMIT}"),
    (f"{ROW}rpm = 0", f':2: {KEY}.models."gemini-2.5-pro".rpm is 0; {A_LIMIT}'),
    (f"{TIER}adaptive_ceiling = 0", f":2: {KEY}.adaptive_ceiling is 0; it must be a whole"),
    (f'{TIER}tpm_counts = "all"', f":2: {KEY}.tpm_counts is 'all'; it must be one of input, total"),
    (f"{TIER}rpn = 5", f":2: {KEY}.rpn does not exist; did you mean rpm?"),
    (f"{TIER}model = 5", f":2: {KEY}.model does not exist; did you mean models?"),
    (f"{ROW}max = 5", f':2: {KEY}.models."gemini-2.5-pro".max does not exist; there are rpm, tpm,'),
    ("[providers.gemnii]", ":1: providers.gemnii does not exist; did you mean gemini?"),
    ("[provider.gemini]", ":1: provider does not exist; did you mean providers?"),
    ("providers = 5", ":1: providers must be a table: write [providers] and its keys below"),
    ("[providers]\ngemini = 5", ":2: providers.gemini must be a table"),
    ("prices = 5", ":1: prices must be a table"),
    ("[prices]\na = 5", ":2: prices.a must be a table"),
    ("[prices.a]\noutptu = 5", ":2: prices.a.outptu does not exist; did you mean output?"),
    ("[prices.a]\noutput = -5", ":2: prices.a.output is -5; it must be USD per million tokens"),
    ("[prices.a]\nlong = 5", ":2: prices.a.long must be a table"),
    ("[prices.a.long]\nlong_prompt = 5", ":2: prices.a.long.long_prompt does not exist"),
    ("[prices.a]\nlong_prompt = 0", ":2: prices.a.long_prompt is 0; it must be a whole number"),
    ('[prices."a b"]\noutput = 5', ':1: prices."a b" is no name of a model'),
    ("[providers.gemini]\ntiers = 5", ":2: providers.gemini.tiers must be a table"),
    ("[providers.gemini.tiers]\nfree = 5", f":2: {KEY} must be a table"),
    (f"{TIER}models = 5", f":2: {KEY}.models must be a table"),
    (
        f"{TIER}models.gemini-2.5-pro = 5",
        f":2: {KEY}.models.gemini-2.5-pro is no key; a name with dots stands in quotes",
    ),
    ("[budget]\nrpm = 1.5", ":2: budget.rpm is 1.5; it must be a number above 0 and at most 1"),
    ("[budget]\nrpm = 0", ":2: budget.rpm is 0; it must be a number above 0"),
    ("[budget]\nrpm = nan", ":2: budget.rpm is nan; it must be a number above 0"),
    ("[budget]\nconcurrency = 1", ":2: budget.concurrency does not exist; there are rpm, tpm, rpd"),
    (
        "[limits]\nwait = -1",
        ":2: limits.wait is -1; it must be a number of seconds, 0 for no wait",
    ),
    ('[limits]\nwait = "never"', ":2: limits.wait is 'never'; it must be a number of seconds"),
    ("[limits]\ncheck_every = 0", ":2: limits.check_every is 0; it must be a whole number of chun"),
    ('[limits]\naway = "opne"', ":2: limits.away is 'opne'; it must be one of open, clos"),
    ("[limits]\nadaptive = 1", ":2: limits.adaptive is 1; it must be true or false"),
    (
        '[limits]\nstore = "disk"',
        ':2: limits.store is no place to count in; it must be "process", "machine", or a URL',
    ),
    ("[timeouts]\ntotal = 0", ":2: timeouts.total is 0; it must be a positive number of seconds"),
    ("[timeouts]\nidle = inf", ":2: timeouts.idle is inf; it must be a positive number"),
    (f"[timeouts]\nidle = 1{'0' * 400}", ":2: timeouts.idle is 1000"),
    ("[timeouts]\nfirst = 1", ":2: timeouts.first does not exist; did you mean first_chunk?"),
    ("[retry]\nattempts = 0", ":2: retry.attempts is 0; it must be a whole number from 1 on"),
    ("[retry]\ncap = -1", ":2: retry.cap is -1; it must be seconds, finite and not negative"),
    ("[retry]\ncost = 0.5", ":2: retry.cost is 0.5; it must be a whole number from 0 on"),
    ('[providers.gemini]\ndefault_model = ""', ":2: providers.gemini.default_model is ''; it must"),
    ("[providers.gemini]\ndefault_tier = 1", ":2: providers.gemini.default_tier is 1; it must be"),
    ('[providers.gemini.tiers."-"]\nrpm = 1', ":1: providers.gemini.tiers.- is no name of a"),
    (f'{TIER}[{KEY}.models."a b"]\nrpm = 1', f':2: {KEY}.models."a b" is no name of a model'),
    (f'{TIER}[{KEY}.models."../x"]\nrpm = 1', f':2: {KEY}.models."../x" is no name of a model'),
    (
        "[providers.gemini.tiers.payasyougo]\nrpm = 1\n[providers.gemini.tiers.tier1]\nrpm = 2",
        ":3: providers.gemini.tiers.tier1 is providers.gemini.tiers.payasyougo again",
    ),
    (
        f'{ROW}rpm = 1\n[{KEY}.models."models/gemini-2.5-pro"]\nrpm = 2',
        f':3: {KEY}.models."models/gemini-2.5-pro" is {KEY}.models."gemini-2.5-pro" again',
    ),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, said: str) -> None:
    assert refused(text).startswith(f"a.toml{said}")


# Text that is no TOML → what is said of it.
BROKEN: list[tuple[str, str]] = [
    ("[budget]\nrpm = \n", "a.toml:2: budget.rpm: invalid value"),
    ("[budget\nrpm = 1\n", "a.toml:1: expected"),
    ("[budget]\nrpm = 1\nrpm = 2\n", "a.toml:3: budget.rpm: cannot overwrite a value"),
    ("[budget]\nrpm = 1\n[budget]\n", "a.toml:3: budget: cannot declare"),
    ('a = "b', "a.toml:1: a: "),
    ("[x]\n\n\na = [1,", "a.toml:4: x.a: "),
    ("{}", "a.toml:1: "),
    (f"a = {'[' * 100_000}", "a.toml is nested too deeply"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_what_is_no_toml_is_told_with_line_and_key(text: str, said: str) -> None:
    assert refused(text).startswith(said)


def test_a_file_that_is_not_utf8_or_far_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"[budget]\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"a\.toml:2: not UTF-8 at byte 14"):
        load_config(file)
    file.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        load_config(file)


WRITTEN: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("\ufeff[budget]\nrpm = 1\n", {"budget.rpm": 1.0}),
    ("[budget]\r\nrpm = 0.5\r\n", {"budget.rpm": 0.5}),
    ('[limits]\nstore = "machine"', {"limits.store": "machine"}),
    ('[limits]\nstore = "rediss://h:1/0"', {"limits.store": "rediss://h:1/0"}),
    ("[retry]\nbase = 0\nattempts = 1", {"retry.base": 0.0, "retry.attempts": 1}),
    (f'{TIER}rpm = "unlimited"', {f"{KEY}.rpm": None}),
    ('[providers.gemini.tiers."Pay-as-you-go"]\nrpm = 1', {"providers.gemini.tiers.tier1.rpm": 1}),
    ("providers.gemini.tiers.free.rpm = 3", {f"{KEY}.rpm": 3}),
    ("[providers.gemini.tiers]\nfree = {rpm = 3}", {f"{KEY}.rpm": 3}),
]


@pytest.mark.parametrize(("text", "values"), WRITTEN)
def test_however_it_is_written_it_is_read(text: str, values: dict[str, Any]) -> None:
    assert read(text) == values


LINES = """
# a comment = 1
[providers . "gemini"]
default_model = "x"  # y = 1
  api_version = 'v1'
[providers.gemini.tiers.free]
models = {"gemini-2.5-pro" = {rpm = 1}, "gemini-2.5-flash" = {
rpm = 2}}
[providers.gemini.tiers."free tier 2".models.'gemini-2.5-pro']
rpm = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("providers", "gemini", "default_model"), 4),
        (("providers", "gemini", "api_version"), 5),
        (("providers", "gemini", "tiers", "free", "models", "gemini-2.5-pro", "rpm"), 7),
        (("providers", "gemini", "tiers", "free tier 2", "models", "gemini-2.5-pro", "rpm"), 10),
        (("providers", "gemini", "nothing"), 3),
        (("nothing",), None),
    ],
)
def test_a_key_is_placed_on_its_line(key: tuple[str, ...], line: int | None) -> None:
    text = LINES.replace("{\nrpm = 2}}", "{rpm = 2}}\n")
    place = parse_toml(FILE, text).place(key)
    assert place == ("a.toml" if line is None else f"a.toml:{line}")


@given(st.text())
def test_any_text_is_read_or_refused_as_ours(text: str) -> None:
    try:
        read(text)
    except ConfigError as error:
        assert str(error).startswith("a.toml")


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
names = st.sampled_from(["providers", "gemini", "tiers", "free", "models", "rpm", "budget", "x"])
trees = st.recursive(leaves | st.lists(leaves), lambda inner: st.dictionaries(names, inner))


@given(st.dictionaries(names, trees))
def test_any_tree_is_read_or_refused_as_ours(tree: dict[str, Any]) -> None:
    file = parse_toml(FILE, "")._replace(tables=tree)
    try:
        list(found_in(file))
    except ConfigError as error:
        assert str(error).startswith("a.toml")
