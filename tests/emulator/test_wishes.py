"""Every shape of chunk that the real service sends, asked for in the prompt."""

from __future__ import annotations

import base64
import itertools
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pytest

from emulator.driver import (
    MODEL,
    answer,
    ask,
    events,
    method_url,
    prompt,
    stream,
    stream_url,
    text_of,
)
from emulator.test_responder import answer_to, asking, said
from gemstream.emulator import Emulator
from gemstream.emulator.builtin.grounding import computation
from gemstream.emulator.builtin.image_header import read_image_header
from gemstream.emulator.builtin.pictures import ASPECT_RATIOS, IMAGE_SIZES
from gemstream.emulator.builtin.wishes import Wish, wishes_of
from gemstream.policy.fold import fold
from gemstream.wire.codec import to_plain


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def candidates(chunks: Sequence[Any]) -> list[Any]:
    return [candidate for chunk in chunks for candidate in chunk.get("candidates", ())]


async def test_a_tag_is_a_wish_and_no_part_of_the_prompt(emulator: Emulator) -> None:
    chunks = await stream(emulator, prompt("[No parts] Hi [there] [finish alone]"))
    assert text_of([{"candidates": [c]} for c in candidates(chunks) if "content" in c]) == (
        "You said: Hi [there]"
    )


PLAIN = [wish for wish in Wish if wish is not Wish.STOP_EVERYWHERE]


@pytest.mark.parametrize("text", ["Count to five", "x", "call f, g"])
@pytest.mark.parametrize("wish", PLAIN, ids=lambda wish: wish.value)
def test_any_shape_of_a_stream_adds_up_to_the_whole(wish: Wish, text: str) -> None:
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    told = answer_to({**asking(f"{text} [{wish.value}]", candidateCount=2), "tools": tools})
    assert normal(fold(told.chunks())) == normal(told.whole())


def normal(message: Any) -> Any:
    """Leave out what says nothing: an index of zero, a content without parts, an empty text."""
    plain = to_plain(message)
    for candidate in plain["candidates"]:
        candidate.setdefault("index", 0)
        if not candidate.get("content", {}).get("parts"):
            candidate.pop("content", None)
    return plain


@pytest.mark.parametrize("pair", [*itertools.combinations(Wish, 2)], ids=str)
def test_wishes_go_together(pair: tuple[Wish, Wish]) -> None:
    text = "Count to five " + " ".join(f"[{wish.value}]" for wish in pair)
    told = answer_to(asking(text))
    assert wishes_of(text) == {*pair}
    assert list(told.chunks()) and told.whole()


async def test_usage_is_on_every_chunk_and_its_details_on_the_last(emulator: Emulator) -> None:
    for wish in Wish:
        *firsts, last = await stream(emulator, prompt(f"Count to five [{wish.value}]"))
        assert all("usageMetadata" in chunk for chunk in (*firsts, last))
        totals = [chunk["usageMetadata"]["totalTokenCount"] for chunk in (*firsts, last)]
        assert totals == sorted(totals)
        assert not any("candidatesTokensDetails" in chunk["usageMetadata"] for chunk in firsts)
        if wish not in (Wish.BLOCKED, Wish.MALFORMED_CALL):
            assert last["usageMetadata"]["candidatesTokensDetails"]


async def test_thoughts_come_first(emulator: Emulator) -> None:
    body = prompt("[thoughts] f", tools=[{"functionDeclarations": [{"name": "f"}]}])
    *thoughts, call = candidates(await stream(emulator, body))
    assert len(thoughts) > 1
    assert all(one["content"]["parts"][0]["thought"] for one in thoughts)
    (part,) = call["content"]["parts"]
    assert part["functionCall"]["name"] == "f" and part["thoughtSignature"]
    assert call["finishReason"] == "STOP"


async def test_the_last_part_is_empty_and_signed(emulator: Emulator) -> None:
    *texts, last = candidates(await stream(emulator, prompt("[signature last] hello")))
    (part,) = last["content"]["parts"]
    assert part["text"] == "" and base64.b64decode(part["thoughtSignature"])
    assert last["finishReason"] == "STOP" and "finishReason" not in texts[-1]


LASTS = [
    ("[last without parts]", {"content": {"role": "model"}, "finishReason": "STOP", "index": 0}),
    ("[finish alone]", {"finishReason": "STOP", "index": 0}),
    ("[finish alone] [no index]", {"finishReason": "STOP"}),
]


@pytest.mark.parametrize(("wish", "last"), LASTS)
async def test_the_end_comes_alone(emulator: Emulator, wish: str, last: Any) -> None:
    chunks = candidates(await stream(emulator, prompt(f"{wish} Count to three")))
    assert chunks[-1] == last and "finishReason" not in chunks[-2]
    assert len(chunks) == 4


SECONDS = [
    ("[no parts]", {"content": {"role": "model"}, "index": 0}),
    ("[empty content]", {"content": {}, "index": 0}),
]


@pytest.mark.parametrize(("wish", "second"), SECONDS)
async def test_a_chunk_in_the_middle_says_nothing(
    emulator: Emulator, wish: str, second: Any
) -> None:
    chunks = candidates(await stream(emulator, prompt(f"{wish} Count to three")))
    assert chunks[1] == second and len(chunks) == 4


async def test_usage_comes_alone(emulator: Emulator) -> None:
    *firsts, last = await stream(emulator, prompt("[usage alone] Count to three"))
    assert "candidates" not in last and last["usageMetadata"]["candidatesTokensDetails"]
    assert firsts[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_every_chunk_stops(emulator: Emulator) -> None:
    chunks = candidates(await stream(emulator, prompt("[stop everywhere] Count to three")))
    assert [chunk["finishReason"] for chunk in chunks] == ["STOP"] * 3


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
async def test_a_blocked_prompt_has_a_feedback_only(emulator: Emulator, method: str) -> None:
    _, said = await answer(emulator, method_url(method), prompt("[blocked] x"))
    (only,) = said if isinstance(said, list) else [said]
    assert "candidates" not in only
    assert only["promptFeedback"]["blockReason"] == "SAFETY"
    assert {r["probability"] for r in only["promptFeedback"]["safetyRatings"]} == {
        "NEGLIGIBLE",
        "HIGH",
    }
    assert only["usageMetadata"]["totalTokenCount"] == only["usageMetadata"]["promptTokenCount"]


async def test_a_recitation_ends_without_content_and_names_its_sources(
    emulator: Emulator,
) -> None:
    body = prompt("[recitation] Ein Männlein steht. Im Walde! Ganz still")
    *texts, last = candidates(await stream(emulator, body))
    assert last["finishReason"] == "RECITATION" and "content" not in last
    assert not any("finishReason" in one for one in texts)
    said = text_of([{"candidates": [one]} for one in texts]).encode()
    sources = [
        source
        for one in (*texts, last)
        for source in one.get("citationMetadata", {}).get("citationSources", ())
    ]
    passages = [said[s.get("startIndex", 0) : s["endIndex"]].decode() for s in sources]
    assert passages == ["You said: Ein Männlein steht.", "Im Walde!", "Ganz still"]
    assert sum("citationMetadata" in one for one in texts) == 2  # where their passages end


async def test_a_malformed_call_says_so_and_nothing_else(emulator: Emulator) -> None:
    body = prompt("[malformed call] f", tools=[{"functionDeclarations": [{"name": "f"}]}])
    (only,) = candidates(await stream(emulator, body))
    assert only == {
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": "Malformed function call: print(default_api.f(",
        "index": 0,
    }


async def test_an_unsafe_answer_ends_with_its_ratings(emulator: Emulator) -> None:
    last = candidates(await stream(emulator, prompt("[safety] Count to three")))[-1]
    assert last["finishReason"] == "SAFETY"
    assert [r.get("blocked") for r in last["safetyRatings"]] == [None, None, None, True]


# --- the service's own tools -----------------------------------------------------------------


@pytest.mark.parametrize("text", ["Wie heißt der Bär? Sag! 🐻 ja", "x", "Count to five"])
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("tool", ["googleSearch", "google_search", "googleSearchRetrieval"])
def test_a_search_grounds_the_text_in_bytes(tool: str, thinking: bool, text: str) -> None:
    config = {"thinkingConfig": {"includeThoughts": thinking}}
    told = answer_to({**asking(text, **config), "tools": [{tool: {}}]})
    (candidate,) = told.whole().candidates
    grounding, parts = candidate.grounding_metadata, candidate.content.parts
    assert grounding.web_search_queries == [text]
    assert "https://www.google.com/search?q=" in grounding.search_entry_point.rendered_content
    for support in grounding.grounding_supports:
        segment = support.segment
        part = parts[segment.part_index or 0]
        passage = part.text.encode()[segment.start_index or 0 : segment.end_index]
        assert passage.decode() == segment.text and not part.thought
        assert all(index < 2 for index in support.grounding_chunk_indices)
    assert grounding.grounding_supports
    *firsts, last = told.chunks()
    assert last.candidates[0].grounding_metadata == grounding
    assert not any(chunk.candidates[0].grounding_metadata for chunk in firsts)


def test_pages_are_fetched() -> None:
    urls = (
        "https://a.example/x?y=1, (http://paywall.example) https://unsafe.x and https://b.invalid/."
    )
    told = answer_to({**asking(f"Read {urls}"), "tools": [{"url_context": {}}]})
    (candidate,) = told.whole().candidates
    statuses = {
        page.retrieved_url: page.url_retrieval_status.value.removeprefix("URL_RETRIEVAL_STATUS_")
        for page in candidate.url_context_metadata.url_metadata
    }
    assert statuses == {
        "https://a.example/x?y=1": "SUCCESS",
        "http://paywall.example": "PAYWALL",
        "https://unsafe.x": "UNSAFE",
        "https://b.invalid/": "ERROR",
    }
    assert told.whole().usage_metadata.tool_use_prompt_token_count == 4 * 258
    without = answer_to({**asking("no page"), "tools": [{"url_context": {}}]}).whole()
    assert without.candidates[0].url_context_metadata is None


SUMS = [
    ("What is 12 * 34?", "print(12 * 34)\n", "408\n", "OUTCOME_OK"),
    ("7/2 please", "print(7/2)\n", "3.5\n", "OUTCOME_OK"),
    ("1.5+2.25 - 3", "print(1.5+2.25 - 3)\n", "0.75\n", "OUTCOME_OK"),
    ("1 / 0", "print(1 / 0)\n", "ZeroDivisionError: division by zero\n", "OUTCOME_FAILED"),
    ("it's", 'print(len("it\'s"))\n', "4\n", "OUTCOME_OK"),
]


@pytest.mark.parametrize(("text", "code", "output", "outcome"), SUMS)
def test_code_is_written_run_and_told(text: str, code: str, output: str, outcome: str) -> None:
    told = answer_to({**asking(text), "tools": [{"codeExecution": {}}]})
    written, ran, _ = told.whole().candidates[0].content.parts
    assert (written.executable_code.language, written.executable_code.code) == ("PYTHON", code)
    result = ran.code_execution_result
    assert (result.outcome, result.output) == (outcome, output)
    assert (output.strip() in told.whole().text) is (outcome == "OUTCOME_OK")
    usage = told.whole().usage_metadata
    assert usage.tool_use_prompt_token_count == -(-(len(code) + len(output)) // 4)
    assert usage.total_token_count == (
        usage.prompt_token_count + usage.candidates_token_count + usage.tool_use_prompt_token_count
    )
    assert to_plain(fold(told.chunks())) == to_plain(told.whole())


@pytest.mark.parametrize(
    "text", ["007 + 1", "1" * 99 + "+1", "1+" * 99 + "1", "(", "1 - -2", "٣+٤"]
)
def test_no_calculation_is_too_odd(text: str) -> None:
    assert len(computation(text)) == 3


# --- images and sounds -----------------------------------------------------------------------


def pixels(png: bytes) -> int:
    """Decode a truecolour PNG as a reader must: every check sum, every line."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    position, data, kinds, width, height = 8, b"", [], 0, 0
    while position < len(png):
        (size,) = struct.unpack_from(">I", png, position)
        kind, body = png[position + 4 : position + 8], png[position + 8 : position + 8 + size]
        (check,) = struct.unpack_from(">I", png, position + 8 + size)
        assert check == zlib.crc32(kind + body)
        kinds.append(kind)
        data += body if kind == b"IDAT" else b""
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            assert rest == [8, 2, 0, 0, 0]
        position += 12 + size
    lines = zlib.decompress(data)
    assert kinds == [b"IHDR", b"IDAT", b"IEND"] and len(lines) == height * (1 + width * 3)
    assert {lines[row * (1 + width * 3)] for row in range(height)} == {0}
    return width * height


@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
@pytest.mark.parametrize("size", IMAGE_SIZES)
def test_a_picture_has_the_shape_that_was_asked_for(ratio: str, size: str) -> None:
    image = {"aspectRatio": ratio, "imageSize": size}
    told = answer_to(asking("a cat", responseModalities=["TEXT", "IMAGE"], imageConfig=image))
    text, drawn = told.whole().candidates[0].content.parts
    png = drawn.inline_data.content
    header = read_image_header(png)
    across, up = map(int, ratio.split(":"))
    assert header is not None and abs(header.width / header.height - across / up) < 0.12
    assert pixels(png) == header.width * header.height
    assert text.text == "You said: a cat" and drawn.inline_data.mime_type == "image/png"


def test_a_picture_follows_its_prompt_and_costs_tokens() -> None:
    only = {"responseModalities": ["IMAGE"]}
    first, again, other = (answer_to(asking(t, **only)).whole() for t in ("cat", "cat", "dog"))
    assert first == again != other
    (part,) = first.candidates[0].content.parts
    assert part.inline_data is not None
    (detail,) = first.usage_metadata.candidates_tokens_details
    assert (detail.modality, detail.token_count) == ("IMAGE", 1290)


def test_a_large_image_is_one_event() -> None:
    (chunk,) = answer_to(asking("[large image]", responseModalities=["IMAGE"])).chunks()
    (part,) = chunk.candidates[0].content.parts
    assert 1_000_000 < len(part.inline_data.data) < 3_000_000 and pixels(part.inline_data.content)


def test_a_sound_is_pcm() -> None:
    whole = answer_to(asking("say", responseModalities=["AUDIO"])).whole()
    (part,) = whole.candidates[0].content.parts
    assert part.inline_data.mime_type == "audio/L16;codec=pcm;rate=24000"
    samples = struct.unpack("<4800h", part.inline_data.content)
    assert {*samples} == {8000, -8000}
    (detail,) = whole.usage_metadata.candidates_tokens_details
    assert (detail.modality, detail.token_count) == ("AUDIO", 5)


def test_an_image_beyond_the_limit_is_none() -> None:
    config = {"responseModalities": ["TEXT", "IMAGE"], "maxOutputTokens": 100}
    whole = answer_to(asking("a cat", **config)).whole()
    assert [part.text for part in whole.candidates[0].content.parts] == ["You said: a cat"]
    assert whole.finish_reason == "MAX_TOKENS"


# --- bytes in requests -----------------------------------------------------------------------


def encodings(content: bytes) -> list[str]:
    standard, urlsafe = (
        base64.b64encode(content).decode(),
        base64.urlsafe_b64encode(content).decode(),
    )
    return [standard, urlsafe, standard.rstrip("="), urlsafe.rstrip("=")]


@pytest.mark.parametrize("data", encodings(b"\xfb\xff\xfe\xff"))
@pytest.mark.parametrize("style", ["camel", "snake"])
async def test_bytes_are_read_in_every_style(emulator: Emulator, style: str, data: str) -> None:
    camel = style == "camel"
    blob = {"mimeType" if camel else "mime_type": "audio/wav", "data": data}
    parts: list[Any] = [
        {"inlineData" if camel else "inline_data": blob},
        {"text": "hi", "thoughtSignature" if camel else "thought_signature": data},
    ]
    status, answered = await answer(
        emulator, method_url("generateContent"), {"contents": [{"parts": parts}]}
    )
    assert status == 200
    assert "audio/wav with 4 bytes" in text_of([answered])


BAD_BYTES = [
    ({"inlineData": {"mimeType": "a/b", "data": "a"}}, "contents[0].parts[0].inline_data.data"),
    ({"text": "x", "thoughtSignature": "ä"}, "contents[0].parts[0].thought_signature"),
    (
        {"functionResponse": {"name": "f", "parts": [{"inline_data": {"data": "!"}}]}},
        "contents[0].parts[0].function_response.parts[0].inline_data.data",
    ),
]


@pytest.mark.parametrize(("part", "place"), BAD_BYTES)
async def test_bytes_that_are_none_are_refused_with_their_place(
    emulator: Emulator, part: Any, place: str
) -> None:
    body = {"contents": [{"parts": [part]}]}
    status, refused = await answer(emulator, method_url("generateContent"), body)
    assert status == 400
    assert refused["error"]["message"] == (
        f"Invalid value at 'GenerateContentRequest.{place}' (TYPE_BYTES), Base64 decoding failed."
    )


async def test_a_large_answer_is_written_at_once(emulator: Emulator) -> None:
    body = prompt("[large image]", generationConfig={"responseModalities": ["IMAGE"]})
    talk = ask(emulator, stream_url(), body)
    await talk.head()
    writes = await talk.read_all()
    assert len(events(writes)) == 1 and len(writes[0]) > 1_000_000
    assert json.loads(writes[0][6:])["modelVersion"] == MODEL


def test_a_text_with_brackets_is_a_text() -> None:
    assert said(asking("[blockedd] [x]")) == "You said: [blockedd] [x]"
