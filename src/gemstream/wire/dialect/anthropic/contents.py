"""The passes that make a list of contents acceptable to Gemini."""

from __future__ import annotations

from collections.abc import Sequence

from ...codec import JSONObject

__all__ = ("normalised",)


def normalised(contents: Sequence[JSONObject]) -> list[JSONObject]:
    """Return ``contents`` without empty ones, neighbours of one role merged, begun by the user.

    Contents with function responses merge with their like only: Gemini takes mixed ones for the
    wrong role. Parts are never merged, for a signature belongs to one of them. An only or last
    content of the user that is empty becomes a space: without it the model would go on with its
    own words.
    """
    merged: list[JSONObject] = []
    for index, content in enumerate(contents):
        parts = [part for part in content["parts"] if part.get("text") != "" or len(part) > 1]
        if not parts:
            if content["role"] != "user" or not _is_needed(contents, index):
                continue
            parts = [{"text": " "}]
        before = merged[-1] if merged else None
        if before and before["role"] == content["role"] and _is_alike(before["parts"], parts):
            before["parts"] += parts
        else:
            merged.append({"role": content["role"], "parts": parts})
    if merged and merged[0]["role"] == "model":
        merged.insert(0, {"role": "user", "parts": [{"text": " "}]})
    return merged


def _is_needed(contents: Sequence[JSONObject], index: int) -> bool:
    users = [content for content in contents if content["role"] == "user"]
    return len(users) == 1 or index == len(contents) - 1


def _is_alike(before: Sequence[JSONObject], parts: Sequence[JSONObject]) -> bool:
    return _has_response(before) == _has_response(parts)


def _has_response(parts: Sequence[JSONObject]) -> bool:
    return any("functionResponse" in part for part in parts)
