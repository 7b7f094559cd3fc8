"""Images in an assistant's text: Anthropic has no block for them, Markdown shows them.

They come back as text in the caller's next request, and are made images again: as text, each
would be some hundred thousand tokens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from ...codec import JSONObject

__all__ = ("image_key", "image_text", "parts_of_text")

_START = "![image](data:image/"
_IMAGE = re.compile(r"!\[image\]\(data:(image/[a-z0-9.+-]{1,40});base64,([A-Za-z0-9+/]+=*)\)")


def image_text(mime_type: str, data: str) -> str:
    """Return what shows an image; ``data`` is standard base64."""
    return f"![image](data:{mime_type};base64,{data})"


def image_key(data: str) -> str:
    """Return what stands for the image in the place of a text that a signature is kept by."""
    return f"image:{hashlib.sha256(data.encode()).hexdigest()}"


def parts_of_text(text: str) -> Iterator[JSONObject]:
    """Yield the parts that ``text`` was made of."""
    if _START not in text:
        yield {"text": text}
        return
    end = 0
    for found in _IMAGE.finditer(text):
        if found.start() > end:
            yield {"text": text[end : found.start()]}
        yield {"inlineData": {"mimeType": found[1], "data": found[2]}}
        end = found.end()
    if end < len(text):
        yield {"text": text[end:]}
