"""What a prompt asks for in square brackets: the shapes and ends that real answers can have.

A tag such as ``[recitation]`` in the prompt is a wish; the answer is made of the prompt without
it. Any other text in brackets is text.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

import msgspec

from ...wire.content import Content, Part

__all__ = ("Wish", "wishes_of", "without_wishes")


class Wish(enum.Enum):
    """One tag; its value stands in the brackets."""

    # How the answer ends, or that there is none.
    BLOCKED = "blocked"
    SAFETY = "safety"
    RECITATION = "recitation"
    MALFORMED_CALL = "malformed call"
    # What it carries.
    THOUGHTS = "thoughts"
    CITATIONS = "citations"
    SIGNATURE_LAST = "signature last"
    LARGE_IMAGE = "large image"
    # How a stream of it is cut into chunks.
    NO_PARTS = "no parts"
    EMPTY_CONTENT = "empty content"
    LAST_WITHOUT_PARTS = "last without parts"
    FINISH_ALONE = "finish alone"
    USAGE_ALONE = "usage alone"
    STOP_EVERYWHERE = "stop everywhere"
    NO_INDEX = "no index"


_TAG = re.compile(rf"\[({'|'.join(wish.value for wish in Wish)})\] ?", re.IGNORECASE)


def wishes_of(prompt: str) -> frozenset[Wish]:
    """Return the wishes in ``prompt``."""
    return frozenset(Wish(found.lower()) for found in _TAG.findall(prompt))


def without_wishes(contents: Sequence[Content]) -> list[Content]:
    """Return ``contents`` with the tags taken out of their texts."""
    return [_without_tags(content) for content in contents]


def _without_tags(content: Content) -> Content:
    if not any(part.text and _TAG.search(part.text) for part in content.parts):
        return content
    return msgspec.structs.replace(content, parts=[_untagged(part) for part in content.parts])


def _untagged(part: Part) -> Part:
    if not part.text:
        return part
    return msgspec.structs.replace(part, text=_TAG.sub("", part.text).strip())
