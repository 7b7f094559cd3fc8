"""Scripts: which rule answers, how a file is read, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.driver import answer, method_url, prompt, text_of
from gemstream.emulator import (
    Body,
    Chunk,
    Cut,
    Emulator,
    Pause,
    Rule,
    Script,
    Stall,
    Status,
    WaitForAck,
)
from gemstream.emulator.scripts.script import Request
from gemstream.errors import ConfigError

REQUEST = Request("Weather in Paris\ntoday", "gemini-2.5-flash", "streamGenerateContent", 2)

CONDITIONS = [
    ({}, True),
    ({"prompt": "Weather.*today"}, True),
    ({"prompt": "^Paris"}, False),
    ({"model": "gemini-2.5-*"}, True),
    ({"model": "gemini-2.5"}, False),
    ({"request": 2}, True),
    ({"request": 1}, False),
    ({"method": "stream*"}, True),
    ({"method": "countTokens"}, False),
    ({"prompt": "Paris", "model": "gemini-*", "request": 2}, True),
    ({"prompt": "Paris", "model": "gemini-*", "request": 3}, False),
]


@pytest.mark.parametrize(("conditions", "expected"), CONDITIONS)
def test_all_given_conditions_must_hold(conditions: dict[str, Any], expected: bool) -> None:
    assert Rule(**conditions).fits(REQUEST) is expected


def test_the_first_rule_that_fits_answers() -> None:
    first, second = Rule(request=2), Rule()
    script = Script([Rule(request=1), first, second])
    assert script.rule_for(REQUEST) is first
    assert Script().rule_for(REQUEST) is None


def test_a_rule_that_can_never_be_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="regular expression"):
        Rule(prompt="(")


def test_what_is_no_step_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 is not a step"):
        Rule(steps=["a", 3])


async def test_requests_are_counted_from_the_script_on() -> None:
    emulator = Emulator()
    url = method_url("generateContent")
    await answer(emulator, url, prompt("x"))
    emulator.script = Script([Rule(request=2, steps=["second"])])
    texts = [text_of([(await answer(emulator, url, prompt("x")))[1]]) for _ in range(3)]
    assert texts == ["You said: x", "second", "You said: x"]


FILE = """
[[rule]]
match = { prompt = "weather.*", model = "gemini-2.5-*", request = 3 }
[[rule.step]]
chunk = "It is "
[[rule.step]]
pause = 0.5
[[rule.step]]
wait = "ack"
[[rule.step]]
chunk = { candidates = [ { finishReason = "STOP" } ], tomorrow = 1 }
[[rule.step]]
fault = { kind = "cut", at_byte = 120 }

[[rule]]
[[rule.step]]
body = "body.txt"
[[rule.step]]
body = { path = "body.txt", status = 500, content_type = "text/plain", slices = [1, 2] }
[[rule.step]]
body = { text = "é" }
[[rule.step]]
fault = { kind = "status", code = 429, retry_delay = 3, details = [ { a = 1 } ] }
[[rule.step]]
fault = { kind = "stall" }
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "body.txt").write_bytes(b"data: {}")
    path = tmp_path / "script.toml"
    path.write_text(FILE, encoding="utf-8")
    table = {"candidates": [{"finishReason": "STOP"}], "tomorrow": 1}
    cut = Cut(at_byte=120)
    first = [Chunk("It is "), Pause(0.5), WaitForAck(), Chunk(table), cut]
    second = [
        Body(content=b"data: {}"),
        Body(content=b"data: {}", status=500, content_type="text/plain", slices=[1, 2]),
        Body(content="é".encode()),
        Status(code=429, retry_delay=3.0, details=[{"a": 1}]),
        Stall(),
    ]
    conditions = {"prompt": "weather.*", "model": "gemini-2.5-*", "request": 3}
    assert Script.load(path) == Script([Rule(steps=first, **conditions), Rule(steps=second)])


def test_json_has_the_same_shape() -> None:
    data = b'{"rule": [{"match": {"request": 1}, "step": [{"chunk": "a"}, {"wait": "ack"}]}]}'
    expected = Script([Rule(request=1, steps=[Chunk("a"), WaitForAck()])])
    assert Script.decode(data, is_json=True) == expected
    assert not Script.decode(b"").rules


STEP = "[[rule]]\n[[rule.step]]\n"
MISTAKES = [
    ("rule = 1", "rule should be an array of tables, written [[rule]], not 1"),
    ("rule = [1]", "rule[0] should be a table, not 1"),
    ("[[rules]]", "rules is no key; the keys here are rule", "did you mean 'rule'?"),
    ("[[rule]]\nmach = {}", "rule[0].mach", "did you mean 'match'?"),
    ("[[rule]]\nmatch = { modle = 'x' }", "rule[0].match.modle", "did you mean 'model'?"),
    ("[[rule]]\nmatch = { request = '1' }", "rule[0].match.request should be a whole number"),
    ("[[rule]]\nmatch = { request = true }", "rule[0].match.request should be a whole number"),
    ("[[rule]]\nmatch = { prompt = '(' }", "rule[0].match.prompt should be a regular expression"),
    ("[[rule]]\nstep = {}", "rule[0].step should be an array of tables"),
    (STEP, "rule[0].step[0] should be exactly one of chunk, pause"),
    (STEP + "chunk = 'a'\npause = 1", "rule[0].step[0] should be exactly one of"),
    (STEP + "chunck = 'a'", "rule[0].step[0].chunck", "did you mean 'chunk'?"),
    (STEP + "chunk = 1", "rule[0].step[0].chunk should be text or a table, not 1"),
    (STEP + "chunk = { candidates = 1 }", "rule[0].step[0].chunk.candidates"),
    (STEP + "pause = 'x'", "rule[0].step[0].pause should be a number of seconds"),
    (STEP + "pause = -1", "rule[0].step[0].pause should be a number of seconds, 0 or more"),
    (STEP + "wait = 'a'", "rule[0].step[0].wait should be 'ack'"),
    (STEP + "fault = 'cut'", "rule[0].step[0].fault should be a table"),
    (STEP + "fault = {}", "rule[0].step[0].fault.kind should be one of status"),
    (STEP + "fault = { kind = 'cutt' }", "rule[0].step[0].fault.kind", "did you mean 'cut'?"),
    (STEP + "fault = { kind = 'cut', at = 1 }", "rule[0].step[0].fault.at", "'at_byte'"),
    (STEP + "fault = { kind = 'cut', at_byte = 'x' }", "rule[0].step[0].fault: Expected `int"),
    (STEP + "fault = { kind = 'slice', sizes = [3, 0] }", "fault: sizes should be 1 or more"),
    (STEP + "fault = { kind = 'drip', pause = -1 }", "fault: pause should be 0 or more"),
    (STEP + "fault = { kind = 'huge', bytes = -1 }", "fault: bytes should be 0 or more"),
    (STEP + "fault = { kind = 'usage', mode = 'x' }", "rule[0].step[0].fault: Invalid enum value"),
    (STEP + "fault = { kind = 'garbage', base64 = '?' }", "fault: base64 should be base64, not"),
    (STEP + "fault = { kind = 'garbage', text = '', base64 = '' }", "not both"),
    (STEP + "fault = { kind = 'content_type', value = 'é' }", "value should be printable ASCII"),
    (STEP + "fault = { kind = 'gzip_bom' }", "did you mean 'gzip_bomb'?"),
    (STEP + "fault = { kind = 'slice', size = 1 }", "did you mean 'sizes'?"),
    (STEP + "body = 'missing.txt'", "rule[0].step[0].body should be a file that can be read"),
    (STEP + "body = {}", "rule[0].step[0].body should be either a path or a text"),
    (STEP + "body = { text = 'a', status = 'x' }", "rule[0].step[0].body: Expected `int"),
    ("rule = [", "is not TOML"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, mistake: tuple[str, ...]) -> None:
    path = tmp_path / "script.toml"
    path.write_text(mistake[0], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Script.load(path)
    said = str(caught.value)
    assert said.startswith(str(path)), said
    assert all(words in said for words in mistake[1:]), said


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        Script.load(tmp_path / "none.toml")


def test_a_script_that_was_sent_cannot_name_files() -> None:
    with pytest.raises(ConfigError, match="cannot name files"):
        Script.decode(b"[[rule]]\n[[rule.step]]\nbody = '/etc/hostname'")
