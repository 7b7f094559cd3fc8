"""``gemstream ask`` as a user runs it: the forms of an answer, and what may be asked."""

from __future__ import annotations

import itertools
import json
import re
import struct
import zlib
from pathlib import Path

import pytest

from cli.program import Result, environment, gemstream

COUNTED = "1, 2, 3, 4, 5"
NOTE = "note: emulated answer; no model was asked\n"


def ask(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return gemstream("ask", *arguments, "--emulate", stdin=stdin)


def png(folder: Path) -> Path:
    def part(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 20)
    file = folder / "flag.png"
    pieces = (part(b"IHDR", head), part(b"IDAT", rows), part(b"IEND", b""))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(pieces))
    return file


# --- over a Live session ---------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_a_live_model_is_asked_like_every_other(more: list[str]) -> None:
    result = ask("-m", "gemini-3.8-live", "Count to 5", *more)
    spoken = "note: not shown, for it is not text: inline_data audio/pcm;rate=24000 (5 parts)\n"
    assert result == Result(0, f"{COUNTED}\n", NOTE + spoken)


def test_what_a_live_model_cannot_be_asked_is_told(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    result = ask("-m", "gemini-3.8-live", "Hi", "--schema", tmp_path / "schema.json")
    assert result.code == 2
    assert "schema (response_json_schema) cannot be used" in result.err


# --- the four forms --------------------------------------------------------------------------


def test_text_through_a_pipe_is_the_text_and_one_newline() -> None:
    assert ask("Count to 5") == Result(0, f"{COUNTED}\n", NOTE)


def test_json_is_one_object() -> None:
    result = ask("Count to 5", "--json")
    answer = result.json
    assert (result.code, result.err) == (0, NOTE)
    assert answer["schema"] == "gemstream.ask/1"
    assert answer["text"] == COUNTED
    assert answer["model"] == answer["model_version"] == "gemini-2.5-flash"
    assert answer["finish_reason"] == "STOP"
    assert answer["complete"] == "confirmed"
    assert answer["attempts"] == 1
    assert answer["response_id"]
    usage = answer["usage"]
    assert (
        usage["prompt_token_count"] + usage["candidates_token_count"]
        == (usage["total_token_count"])
    )
    assert "error" not in answer


def test_json_holds_every_arrival() -> None:
    timing = ask("Count to 5", "--json", "--timing").json["timing"]
    arrivals = timing["arrivals_ms"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert arrivals == sorted(arrivals)
    assert len(arrivals) > 1
    assert timing["first_ms"] == arrivals[0]
    assert timing["max_gap_ms"] == pytest.approx(max(gaps), abs=0.01)
    assert timing["mean_gap_ms"] == pytest.approx(sum(gaps) / len(gaps), abs=0.01)
    assert timing["median_gap_ms"] <= timing["p99_gap_ms"] <= timing["max_gap_ms"]
    assert timing["tokens_per_s"] > 0


def test_json_lines_are_the_chunks_and_then_the_object() -> None:
    result = ask("Count to 5", "--jsonl")
    *chunks, last = result.lines
    assert len(chunks) > 1
    assert all(chunk["schema"] == "gemstream.chunk/1" for chunk in chunks)
    assert "".join(chunk["text"] for chunk in chunks) == last["text"] == COUNTED
    assert [chunk["at_ms"] for chunk in chunks] == last["timing"]["arrivals_ms"]
    assert chunks[-1]["finish_reason"] == "STOP"
    assert last["schema"] == "gemstream.ask/1"


def test_timing_marks_each_chunk_and_ends_with_a_report() -> None:
    result = ask("Count to 5", "--timing")
    marked, _, report = result.out.partition("\n\n")
    chunks = [re.fullmatch(r"\[ *\d+\.\d ms\] (.*)", line) for line in marked.splitlines()]
    assert "".join(chunk[1] for chunk in chunks if chunk) == COUNTED
    assert all(chunks)
    for name in ("first chunk", "mean gap", "median gap", "p99 gap", "max gap", "tokens/s"):
        assert name in report
    assert re.search(r"^[·▁▂▃▄▅▆▇█]{20,}$", report, re.MULTILINE)


def test_a_whole_answer_comes_in_one_piece() -> None:
    answer = ask("Count to 5", "--no-stream", "--json").json
    assert answer["text"] == COUNTED
    assert len(answer["timing"]["arrivals_ms"]) == 1
    assert answer["timing"]["max_gap_ms"] is None


def test_thoughts_are_no_part_of_the_text() -> None:
    plain = ask("Count to 5", "--thinking", "on")
    answer = ask("Count to 5", "--thinking", "on", "--json").json
    assert plain.out == f"{COUNTED}\n"
    assert answer["text"] == COUNTED
    assert answer["thoughts"]
    assert answer["usage"]["thoughts_token_count"] > 0


# --- what may be asked -----------------------------------------------------------------------


@pytest.mark.parametrize("prompt", [["-"], []])
def test_the_prompt_may_come_from_stdin(prompt: list[str]) -> None:
    assert ask(*prompt, stdin=b"Count to 5\n").out == f"{COUNTED}\n"


def test_stdin_is_sent_to_the_last_byte() -> None:
    echoed = ask("-", stdin="zwei Zeilen\n  ünd mehr\n".encode()).out
    assert "zwei Zeilen\n  ünd mehr" in echoed


def test_a_file_goes_with_the_prompt(tmp_path: Path) -> None:
    said = ask("What is this?", "-f", png(tmp_path)).out
    assert "PNG" in said
    assert re.search(r"3\s*[x×]\s*2", said)


def test_options_reach_the_model(tmp_path: Path) -> None:
    assert ask("Count to 20", "--max-tokens", "3", "--json").json["finish_reason"] == "MAX_TOKENS"
    assert ask("Count to 20", "--stop", "7").out.rstrip().endswith("6,")
    assert ask("hi", "-m", "models/gemini-2.5-pro", "--json").json["model_version"] == (
        "gemini-2.5-pro"
    )
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(schema))
    assert isinstance(json.loads(ask("Fill it", "--schema", file).out)["n"], int)
    sampling = ("--temperature", "0.5", "--top-p", "0.9", "--top-k", "40", "--seed", "7")
    assert ask("Count to 5", *sampling, "--system", "Be brief").code == 0


def test_another_end_than_stop_is_told() -> None:
    result = ask("Count to 20", "--max-tokens", "3")
    assert result.code == 0
    assert "note: the answer ended with MAX_TOKENS" in result.err


def test_a_file_may_be_named_by_its_uri() -> None:
    assert ask("What is this?", "--file", "gs://bucket/flag.png").code == 0
    refused = ask("What is this?", "--file", "gs://bucket/flag")
    assert refused.code == 2
    assert "gs://bucket/flag cannot be told" in refused.err


def test_the_key_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("bad-key\n")
    assert ask("hi", "--api-key-file", file).code == 3


# --- colour ----------------------------------------------------------------------------------


def test_colour_is_only_where_it_was_asked_for() -> None:
    arguments = ("ask", "Count to 5", "--emulate", "--timing")
    assert "\x1b" not in gemstream(*arguments).out
    assert "\x1b[2m[" in gemstream(*arguments, env=environment(FORCE_COLOR="1")).out
    both = environment(FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b" not in gemstream(*arguments, env=both).out
