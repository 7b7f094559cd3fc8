"""OpenAI's embeddings ↔ Gemini's ``batchEmbedContents``.

Source: https://platform.openai.com/docs/api-reference/embeddings.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence

import msgspec

from ....errors import ProtocolError
from ...codec import JSONObject, decode, encode
from ...embedding import BatchEmbedContentsResponse
from ...model import model_resource
from ...scalar import encode_base64
from .body import read_body
from .fields import Fields
from .report import Report
from .usage import embedding_usage

__all__ = ("EmbeddingsRequest", "VectorForm", "embeddings_body", "embeddings_request")

_INPUT = "input"


class VectorForm(enum.Enum):
    """How a vector is written."""

    FLOAT = "float"
    """An array of numbers."""
    BASE64 = "base64"
    """The base64 of its numbers as 32-bit floats, little-endian."""


class EmbeddingsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request.

    ``model``: as the caller named it. ``body``: a BatchEmbedContentsRequest for ``count`` texts.
    ``dropped``: fields without counterpart, for the header ``x-relay-dropped``.
    """

    model: str
    body: bytes
    count: int
    form: VectorForm = VectorForm.FLOAT
    dropped: tuple[str, ...] = ()


def embeddings_request(
    body: bytes, *, target: str | None = None, is_strict: bool = False
) -> EmbeddingsRequest:
    """Return what to send for ``body`` to the model ``target``, the caller's own when None.

    Raises InvalidParameter with the place of a fault, as for arrays of token numbers: they are
    those of OpenAI's models.
    """
    fields = read_body(body)
    model = fields.text("model")
    if not model:
        raise fields.missing("model", "'gemini-embedding-001'")
    with fields.blamed("model"):
        resource = model_resource(target or model)
    texts = _texts(fields)
    dimensions = fields.integer("dimensions", least=1)
    form = fields.choice("encoding_format", [each.value for each in VectorForm])
    report = Report(is_strict=is_strict)
    fields.value("user")  # it names the caller: for the books
    for name in fields.unread():
        report.drop(name)
    size = {} if dimensions is None else {"outputDimensionality": dimensions}
    requests = [
        {"model": resource, "content": {"parts": [{"text": text}]}, **size} for text in texts
    ]
    return EmbeddingsRequest(
        model=model,
        body=encode({"requests": requests}),
        count=len(texts),
        form=VectorForm(form) if form else VectorForm.FLOAT,
        dropped=report.dropped,
    )


def embeddings_body(payload: bytes, request: EmbeddingsRequest) -> bytes:
    """Return the answer to ``request`` from Gemini's.

    Raises DecodeError for what cannot be read, ProtocolError for a wrong number of vectors.
    """
    answer = decode(payload, BatchEmbedContentsResponse)
    if len(answer.embeddings) != request.count:
        raise ProtocolError(
            f"the service sent {len(answer.embeddings)} vectors for {request.count} texts",
            excerpt=payload[:200],
        )
    data: list[JSONObject] = [
        {"object": "embedding", "index": index, "embedding": _written(each.values, request.form)}
        for index, each in enumerate(answer.embeddings)
    ]
    usage = embedding_usage(answer.usage_metadata)
    return encode({"object": "list", "data": data, "model": request.model, "usage": usage})


def _texts(fields: Fields) -> list[str]:
    value = fields.value(_INPUT)
    texts = [value] if isinstance(value, str) else fields.items(_INPUT)
    if not texts:
        raise fields.missing(_INPUT, "'text to embed', or an array of such")
    for text in texts:
        if isinstance(text, int | list):
            raise fields.fault(
                _INPUT,
                "holds token numbers, which mean nothing to Gemini: send the text itself",
                code="unsupported_value",
            )
        if not isinstance(text, str) or not text:
            raise fields.fault(_INPUT, f"holds {text!r:.60}: each must be text, and not empty")
    return texts


def _written(values: Sequence[float], form: VectorForm) -> Sequence[float] | str:
    if form is VectorForm.FLOAT:
        return values
    return encode_base64(struct.pack(f"<{len(values)}f", *values))
