"""What a chat request asks of its answer: all that the encoder needs to know of the request."""

from __future__ import annotations

import enum

import msgspec

__all__ = ("ChatWishes", "ImageForm")


class ImageForm(enum.Enum):
    """Where a generated image stands in the answer."""

    FIELD = "images"
    """In ``images`` beside ``content``, as a data URL."""
    MARKDOWN = "markdown"
    """In ``content``, as a Markdown image whose target is a data URL."""


class ChatWishes(msgspec.Struct, frozen=True, kw_only=True):
    """How the answer is to be written down.

    ``tool_names``: the caller's name of each function whose name had to be changed for Gemini.
    ``custom_tools``: names, as Gemini knows them, of tools that take plain text for arguments.
    ``is_one_call``: only the first function call of a candidate is delivered, for Gemini has no
    switch against parallel calls. ``keeps_text``: the whole text is needed at the end, to count the
    places of cited sources in it or to find its signature by it. ``repeats_reasoning``: thoughts
    also stand in ``reasoning``, as some clients read them.
    """

    include_usage: bool = False
    tool_names: dict[str, str] = {}
    custom_tools: frozenset[str] = frozenset()
    is_one_call: bool = False
    keeps_text: bool = False
    repeats_reasoning: bool = False
    image_form: ImageForm = ImageForm.FIELD
