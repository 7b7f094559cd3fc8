"""Gemini's stream, read and written down again for OpenAI's SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from gemstream.errors import StreamTruncated
from gemstream.wire.dialect.gemini_reader import GeminiReader
from gemstream.wire.dialect.neutral import Event
from gemstream.wire.dialect.openai import ChatCompletion, ChatEncoder, ChatWishes, ImageForm
from support.chats import VECTORS

ANSWER = {"id": "chatcmpl-1", "created": 1700000000, "model": "alias"}


def read(*chunks: Any, content_type: str = "text/event-stream") -> list[Event]:
    """The events of a stream of these chunks, that of raw bytes among them."""
    reader = GeminiReader(content_type)
    events: list[Event] = []
    for chunk in chunks:
        data = chunk if isinstance(chunk, bytes) else b"data: %s\r\n\r\n" % _json(chunk)
        events += reader.receive_data(data)
    return events + reader.receive_eof()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def frames(data: bytes) -> list[Any]:
    """The payloads of a stream, each held against the SDK's own type."""
    assert data.endswith(b"\n\n")
    found: list[Any] = []
    for frame in data[:-2].split(b"\n\n"):
        assert frame.startswith(b"data: ")
        payload = frame[6:].decode()
        found.append(payload if payload == "[DONE]" else json.loads(payload))
        if payload != "[DONE]" and "error" not in found[-1]:
            ChatCompletionChunk.model_validate_json(payload, strict=True)
    return found


def streamed(*chunks: Any, **wishes: Any) -> list[Any]:
    return frames(ChatEncoder(ChatWishes(**wishes), **ANSWER).receive(read(*chunks)))


def folded(*chunks: Any, **wishes: Any) -> Any:
    whole = ChatCompletion(ChatWishes(**wishes), **ANSWER)
    whole.receive(read(*chunks))
    return json.loads(whole.body())


def said(*parts: Any, finish: str | None = None, index: int | None = None, **more: Any) -> Any:
    """A chunk of one candidate."""
    candidate: dict[str, Any] = {**more}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    if finish:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [candidate]}


def deltas(found: list[Any], candidate: int = 0) -> list[Any]:
    choices = [choice for frame in found if frame != "[DONE]" for choice in frame["choices"]]
    return [choice["delta"] for choice in choices if choice["index"] == candidate]


def closings(found: list[Any]) -> list[Any]:
    choices = [choice for frame in found if frame != "[DONE]" for choice in frame["choices"]]
    return [choice for choice in choices if choice["finish_reason"]]


STOP = said({"text": ""}, finish="STOP")
ROLE = {"role": "assistant", "content": ""}


def test_a_plain_text_frame_by_frame() -> None:
    encoder = ChatEncoder(ChatWishes(), **ANSWER)
    data = encoder.receive(read(said({"text": 'h"é\u2028\n'}), STOP))
    start = (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,'
        '"model":"alias","system_fingerprint":null,"choices":[{"index":0,"delta":'
    )
    open_end = ',"logprobs":null,"finish_reason":null}]}\n\n'
    assert data.decode() == (
        f'{start}{{"role":"assistant","content":""}}{open_end}'
        f'{start}{{"content":"h\\"é\\u2028\\n"}}{open_end}'
        f'{start}{{}},"logprobs":null,"finish_reason":"stop","native_finish_reason":"STOP"}}]}}\n\n'
        "data: [DONE]\n\n"
    )


def test_a_heartbeat_is_a_comment() -> None:
    assert ChatEncoder(ChatWishes(), **ANSWER).heartbeat() == b": keep-alive\n\n"


def test_a_call_then_a_bare_stop() -> None:
    case = VECTORS["TV-22"]
    found = streamed(*case["in"], include_usage=True)
    assert deltas(found) == case["out_deltas"]
    assert closings(found)[0]["finish_reason"] == case["out_finish"]
    assert case["out_usage"].items() <= found[-2]["usage"].items()
    assert (found[-2]["choices"], found[-1]) == ([], "[DONE]")
    assert all(frame["usage"] is None for frame in found[:-2])


def test_without_the_wish_no_frame_speaks_of_usage() -> None:
    assert all("usage" not in frame for frame in streamed(*VECTORS["TV-22"]["in"])[:-1])


def calls_of(found: list[Any], candidate: int = 0) -> list[Any]:
    calls: dict[int, Any] = {}
    for delta in deltas(found, candidate):
        for entry in delta.get("tool_calls", ()):
            if "id" in entry:
                extra = entry.get("extra_content", {}).get("google", {})
                calls[entry["index"]] = {
                    "id": entry["id"],
                    "name": entry["function"]["name"],
                    "arguments": "",
                    "sig": extra.get("thought_signature"),
                }
            else:
                calls[entry["index"]]["arguments"] += entry["function"]["arguments"]
    return [{"index": index, **entry} for index, entry in calls.items()]


def test_the_same_tool_twice_is_two_calls() -> None:
    case = VECTORS["TV-23"]
    calls = calls_of(streamed(*(said(*parts) for parts in case["in_parts_per_chunk"]), STOP))
    assert len({entry.pop("id") for entry in calls}) == 2
    assert calls == case["out_calls"]


def test_an_id_is_the_same_for_the_same_answer_and_another_for_another() -> None:
    chunks = read(said({"functionCall": {"name": "f"}}), STOP)
    ids = [
        calls_of(frames(ChatEncoder(ChatWishes(), **{**ANSWER, "id": id}).receive(chunks)))[0]["id"]
        for id in ("a", "a", "b")
    ]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].startswith("call_")


@pytest.mark.parametrize("name", ["TV-25", "TV-26"])
def test_a_reason_is_acted_on_at_the_end_only(name: str) -> None:
    case = VECTORS[name]
    chunks = []
    for each in case["in"]:
        parts = [{"text": each["t"]}] if "t" in each else each["parts"]
        chunks.append(said(*parts, finish=each.get("f")))
    found = streamed(*chunks)
    assert "".join(delta.get("content", "") for delta in deltas(found)) == case["out_text"]
    assert [each["finish_reason"] for each in closings(found)] == [case["out_finish"]]


def test_a_blocked_prompt_is_a_refusal() -> None:
    case = VECTORS["TV-28"]
    found = streamed(*case["in"])
    assert deltas(found) == case["out_deltas"]
    (closing,) = closings(found)
    assert closing["finish_reason"] == case["out_finish"]
    assert closing["native_finish_reason"] == case["native"]
    (choice,) = folded(*case["in"])["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "Prompt blocked by upstream: PROHIBITED_CONTENT",
    }


def test_a_candidate_without_content_is_a_choice_all_the_same() -> None:
    case = VECTORS["TV-29"]
    body = folded(case["in"])
    assert body["choices"][0].pop("logprobs") is None
    assert {"choices": body["choices"], "usage": body["usage"]} == case["out"]


@pytest.mark.parametrize("name", ["TV-31", "TV-32"])
def test_usage(name: str) -> None:
    case = VECTORS[name]
    reports = case["in_usage"] if isinstance(case["in_usage"], list) else [case["in_usage"]]
    chunks = [{**said({"text": "a"}), "usageMetadata": report} for report in reports]
    usage = folded(*chunks, STOP)["usage"]
    flat = {**usage, **usage["prompt_tokens_details"]}
    assert case["out"].items() <= flat.items()
    assert streamed(*chunks, STOP, include_usage=True)[-2]["usage"] == usage


def test_usage_by_modality() -> None:
    details = [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 4}]
    usage = {
        "promptTokenCount": 7,
        "candidatesTokenCount": 7,
        "promptTokensDetails": [*details, {"modality": "VIDEO", "tokenCount": 9}],
        "candidatesTokensDetails": details,
    }
    found = folded({**said({"text": "a"}, finish="STOP"), "usageMetadata": usage})["usage"]
    by_modality = {"text_tokens": 3, "audio_tokens": 4}
    assert found["prompt_tokens_details"] == {"cached_tokens": 0, **by_modality}
    assert found["completion_tokens_details"] == {"reasoning_tokens": 0, **by_modality}


def test_an_error_in_the_stream_is_the_last_frame_and_no_done_follows() -> None:
    case = VECTORS["TV-35"]
    chunks = read(said({"text": "a"}), case["in_tail_bytes"].encode())
    found = frames(ChatEncoder(ChatWishes(), **ANSWER).receive(chunks))
    assert found[2:] == case["out_tail"]


def test_a_stream_that_is_cut_ends_in_an_error() -> None:
    found = streamed(said({"text": "a"}))
    assert found[-1]["error"]["type"] == "server_error"


def test_arguments_keep_their_digits_and_letters() -> None:
    case = VECTORS["TV-37"]
    raw = b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":'
    chunk = raw + case["in_args_bytes"].encode() + b'}}]},"finishReason":"STOP"}]}\r\n\r\n'
    (entry,) = calls_of(streamed(chunk))
    assert entry["arguments"] == case["out_arguments"]
    (entry,) = folded(chunk)["choices"][0]["message"]["tool_calls"]
    assert entry["function"]["arguments"] == case["out_arguments"]


def test_two_candidates_are_told_apart() -> None:
    case = VECTORS["TV-38"]
    chunks = []
    for each in case["in"]:
        parts = [{"text": each["t"]}] if "t" in each else []
        parts += [{"functionCall": {"name": each["call"]}}] if "call" in each else []
        chunks.append(said(*parts, finish=each.get("f"), index=each["c"]))
    found = streamed(*chunks)
    for index, expected in case["out"].items():
        mine = deltas(found, int(index))
        assert "".join(delta.get("content", "") for delta in mine) == expected["text"]
        assert sum("role" in delta for delta in mine) == 1
        calls = calls_of(found, int(index))
        assert [{"index": each["index"], "name": each["name"]} for each in calls] == expected[
            "calls"
        ]
        (closing,) = (each for each in closings(found) if each["index"] == int(index))
        assert closing["finish_reason"] == expected["finish"]


REASONS = [
    *((name, "content_filter") for name in ("SAFETY", "RECITATION", "BLOCKLIST", "SPII")),
    *((name, "content_filter") for name in ("PROHIBITED_CONTENT", "LANGUAGE", "OTHER")),
    *((name, "content_filter") for name in ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT")),
    *((name, "content_filter") for name in ("IMAGE_RECITATION", "IMAGE_OTHER", "NO_IMAGE")),
    *((name, "content_filter") for name in ("MODEL_ARMOR", "ESCALATION")),
    *((name, "stop") for name in ("STOP", "TOO_MANY_TOOL_CALLS", "SOMETHING_NEW")),
    *((name, "stop") for name in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")),
    *((name, "stop") for name in ("MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE")),
    ("MAX_TOKENS", "length"),
]


@pytest.mark.parametrize(("native", "reason"), REASONS)
def test_finish_reasons_behind_content(native: str, reason: str) -> None:
    (choice,) = folded(said({"text": "a"}, finish=native))["choices"]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)
    call = {"functionCall": {"name": "f"}}
    (choice,) = folded(said(call, finish=native))["choices"]
    assert choice["finish_reason"] == ("tool_calls" if native == "STOP" else reason)


@pytest.mark.parametrize("native", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_a_malformed_call_and_nothing_else_is_a_failure(native: str) -> None:
    found = streamed(said(finish=native))
    assert found[-1]["error"]["code"] == "upstream_malformed"


def test_what_google_says_at_the_end() -> None:
    chunk = said({"text": "a"}, finish="SAFETY", finishMessage="why")
    assert deltas(streamed(chunk))[-2] == {"extra_content": {"google": {"finish_message": "why"}}}


def test_thoughts_never_stand_in_the_content() -> None:
    chunks = [said({"text": "t", "thought": True}), said({"text": "a"}), STOP]
    assert deltas(streamed(*chunks))[1:3] == [{"reasoning_content": "t"}, {"content": "a"}]
    twice = deltas(streamed(*chunks, repeats_reasoning=True))[1]
    assert twice == {"reasoning_content": "t", "reasoning": "t"}
    message = folded(*chunks, repeats_reasoning=True)["choices"][0]["message"]
    assert (message["content"], message["reasoning"]) == ("a", "t")


def test_a_texts_signature_comes_once_before_the_end() -> None:
    chunks = [
        said({"text": "a", "thoughtSignature": "S1"}),
        said({"text": "", "thoughtSignature": "S2"}, finish="STOP"),
    ]
    extra = {"extra_content": {"google": {"thought_signature": "S2"}}}
    assert deltas(streamed(*chunks)) == [ROLE, {"content": "a"}, extra, {}]
    message = folded(*chunks)["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "a", **extra}


def blob(mime_type: str, data: str) -> Any:
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def test_images_are_numbered_and_keep_their_signatures() -> None:
    chunks = [
        said({**blob("image/png", "AAAA"), "thoughtSignature": "S1"}),
        said(blob("image/png", "BBBB")),
        STOP,
    ]
    first = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    second = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}}
    signed = {"extra_content": {"google": {"thought_signature": "S1"}}}
    assert deltas(streamed(*chunks))[1:4] == [
        {"images": [{"index": 0, **first}]},
        {"images": [{"index": 0, **signed}]},
        {"images": [{"index": 1, **second}]},
    ]
    message = folded(*chunks)["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": None,
        "images": [{**first, **signed}, second],
    }


def test_images_as_markdown() -> None:
    chunks = [said(blob("image/png", "AAAA")), STOP]
    found = folded(*chunks, image_form=ImageForm.MARKDOWN)["choices"][0]["message"]
    assert found["content"] == "![image](data:image/png;base64,AAAA)"


def test_a_thoughts_image_is_marked() -> None:
    chunks = [said({**blob("image/png", "AAAA"), "thought": True}), said({"text": "a"}), STOP]
    (image,) = folded(*chunks)["choices"][0]["message"]["images"]
    assert image["extra_content"] == {"google": {"thought": True}}


def test_sound_comes_in_pieces_and_is_joined_by_its_bytes() -> None:
    chunks = [said(blob("audio/L16;rate=24000", data)) for data in ("AA==", "AQI=", "AwQF")]
    pieces = [delta["audio"] for delta in deltas(streamed(*chunks, STOP)) if "audio" in delta]
    assert [piece["data"] for piece in pieces] == ["AA==", "AQI=", "AwQF"]
    assert ["id" in piece for piece in pieces] == [True, False, False]
    audio = folded(*chunks, STOP)["choices"][0]["message"]["audio"]
    assert (audio["data"], audio["id"]) == ("AAECAwQF", pieces[0]["id"])


def test_parts_without_counterpart_stand_whole_among_the_extras() -> None:
    ran = {"executableCode": {"language": "PYTHON", "code": "1"}}
    server = {"toolCall": {"id": "1"}, "thoughtSignature": "V"}
    video = blob("video/mp4", "AAAA")
    found = deltas(streamed(said(ran, server, video, {"text": "a"}), STOP))
    assert found[-2] == {"extra_content": {"google": {"parts": [ran, server, video]}}}


GROUNDING = {
    "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b"}}],
    "groundingSupports": [
        {"segment": {"startIndex": 3, "endIndex": 8}, "groundingChunkIndices": [0, 1, 9]},
        {"groundingChunkIndices": [0]},
    ],
    "webSearchQueries": ["q"],
}


def test_sources_are_cited_by_characters() -> None:
    chunks = [said({"text": "é "}), said({"text": "café"}), said(groundingMetadata=GROUNDING), STOP]
    found = deltas(streamed(*chunks, keeps_text=True))
    places = [each["url_citation"] for each in found[-3]["annotations"]]
    assert places == [
        {"start_index": 2, "end_index": 6, "url": "https://a", "title": "A"},
        {"start_index": 2, "end_index": 6, "url": "https://b", "title": "https://b"},
    ]
    assert found[-2] == {"extra_content": {"google": {"grounding_metadata": GROUNDING}}}
    message = folded(*chunks, keeps_text=True)["choices"][0]["message"]
    assert message["annotations"] == found[-3]["annotations"]


def test_metadata_that_comes_twice_is_joined_field_by_field() -> None:
    ratings = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]
    chunks = [
        said({"text": "a"}, groundingMetadata={"webSearchQueries": ["q"]}, safetyRatings=[]),
        said({"text": "b"}, groundingMetadata={"groundingChunks": []}, safetyRatings=ratings),
        STOP,
    ]
    google = folded(*chunks)["choices"][0]["message"]["extra_content"]["google"]
    assert google["grounding_metadata"] == {"webSearchQueries": ["q"], "groundingChunks": []}
    assert google["safety_ratings"] == ratings


def test_how_likely_the_tokens_were() -> None:
    chosen = {"token": "é", "tokenId": 5, "logProbability": -0.5}
    result = {"chosenCandidates": [chosen], "topCandidates": [{"candidates": [chosen]}]}
    chunks = [said({"text": "é"}, logprobsResult=result), STOP]
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    expected = {"content": [{**token, "top_logprobs": [token]}], "refusal": None}
    frame = next(each for each in streamed(*chunks)[:-1] if each["choices"][0]["logprobs"])
    assert frame["choices"][0]["logprobs"] == expected
    assert folded(*chunks)["choices"][0]["logprobs"] == expected


def test_only_the_first_call_when_they_may_not_be_parallel() -> None:
    parts = [{"functionCall": {"name": name, "args": {"a": 1}}} for name in ("f", "g")]
    encoder = ChatEncoder(ChatWishes(is_one_call=True), **ANSWER)
    found = frames(encoder.receive(read(said(*parts), STOP)))
    assert [entry["name"] for entry in calls_of(found)] == ["f"]
    assert encoder.dropped_calls == 1


def test_tools_have_the_callers_names() -> None:
    chunks = [said({"functionCall": {"name": "a_b"}}), STOP]
    (entry,) = calls_of(streamed(*chunks, tool_names={"a_b": "a b"}))
    assert entry["name"] == "a b"
    assert entry["arguments"] == "{}"


@pytest.mark.parametrize(
    ("args", "text"), [({"input": "ls"}, "ls"), ({"x": 1}, '{"x":1}'), ({}, "")]
)
def test_a_custom_tool_gets_its_text(args: Any, text: str) -> None:
    wishes = ChatWishes(custom_tools=frozenset({"sh"}))
    events = read(said({"functionCall": {"name": "sh", "args": args, "id": "c"}}), STOP)
    whole = ChatCompletion(wishes, **ANSWER)
    whole.receive(events)
    (entry,) = json.loads(whole.body())["choices"][0]["message"]["tool_calls"]
    assert entry == {"id": "c", "type": "custom", "custom": {"name": "sh", "input": text}}
    # The SDK's type of a chunk knows functions only, so this stream is not held against it.
    data = ChatEncoder(wishes, **ANSWER).receive(events).split(b"\n\n")
    head, piece = (json.loads(frame[6:])["choices"][0]["delta"] for frame in data[1:3])
    custom = {"name": "sh", "input": ""}
    assert head["tool_calls"] == [{"index": 0, "id": "c", "type": "custom", "custom": custom}]
    assert piece["tool_calls"] == [{"index": 0, "custom": {"input": text}}]


@pytest.mark.parametrize("form", [ChatEncoder, ChatCompletion])
def test_signatures_are_kept_by_the_ids_and_texts_that_callers_know(form: Any) -> None:
    writer = form(ChatWishes(keeps_text=True), **ANSWER)
    call = {"functionCall": {"name": "f"}, "thoughtSignature": "C"}
    start = {**said({"text": "a"}), "modelVersion": "gemini-3-flash"}
    writer.receive(read(start, said(call), said({"text": "", "thoughtSignature": "T"}), STOP))
    first, second = writer.cache_writes
    assert (first.value, first.model, first.text) == ("C", "gemini-3-flash", None)
    assert first.call_id and first.call_id.startswith("call_")
    assert (second.value, second.call_id, second.text) == ("T", None, "a")


def test_reads_cut_anywhere_make_the_same_frames() -> None:
    chunks = [said({"text": "a\U0001f600"}), *VECTORS["TV-22"]["in"]]
    data = b"".join(b"data: %s\r\n\r\n" % _json(chunk) for chunk in chunks)
    expected = ChatEncoder(ChatWishes(), **ANSWER).receive(read(data))
    for cut in range(1, len(data)):
        reader, encoder = GeminiReader("text/event-stream"), ChatEncoder(ChatWishes(), **ANSWER)
        found = encoder.receive(reader.receive_data(data[:cut]))
        found += encoder.receive(reader.receive_data(data[cut:]))
        assert found + encoder.receive(reader.receive_eof()) == expected


@pytest.mark.parametrize(
    ("source", "cited"),
    [
        ({"maps": {"uri": "https://m", "title": "M"}}, ("https://m", "M")),
        ({"retrievedContext": {"uri": "gs://r"}}, ("gs://r", "gs://r")),
        ({"image": {"sourceUri": "https://i", "title": "I"}}, ("https://i", "I")),
        ({"web": {"title": "no address"}}, None),
        ({"somethingNew": {}}, None),
    ],
)
def test_each_kind_of_source(source: Any, cited: Any) -> None:
    support = {"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}
    grounding = {"groundingChunks": [source], "groundingSupports": [support]}
    chunk = said({"text": "a"}, finish="STOP", groundingMetadata=grounding)
    message = folded(chunk, keeps_text=True)["choices"][0]["message"]
    found = [entry["url_citation"] for entry in message.get("annotations", ())]
    assert [(each["url"], each["title"]) for each in found] == ([cited] if cited else [])


def test_metadata_that_cannot_be_read_costs_the_answer_nothing() -> None:
    chunk = said(
        {"text": "a"},
        finish="STOP",
        groundingMetadata={"groundingSupports": 5},
        logprobsResult={"chosenCandidates": 5},
    )
    (choice,) = folded(chunk)["choices"]
    assert (choice["message"]["content"], choice["logprobs"]) == ("a", None)
    google = choice["message"]["extra_content"]["google"]
    assert google["grounding_metadata"] == {"groundingSupports": 5}


def test_ratings_of_the_prompt_open_nothing_twice() -> None:
    ratings = {"safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]}
    found = streamed({**said({"text": "a"}), "promptFeedback": ratings}, STOP)
    assert deltas(found)[:2] == [ROLE, {"content": "a"}]
    assert deltas(found)[-2]["extra_content"]["google"]["prompt_feedback"] == ratings


def test_the_encoder_knows_why_the_answer_broke_off() -> None:
    encoder = ChatEncoder(ChatWishes(), **ANSWER)
    encoder.receive(read(said({"text": "a"})))
    assert isinstance(encoder.failure, StreamTruncated)
