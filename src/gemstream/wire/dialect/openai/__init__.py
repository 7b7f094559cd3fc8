"""OpenAI's formats ↔ Gemini's: Chat Completions, Models and Embeddings.

A request of theirs becomes the body of a Gemini request and the wishes of its caller; neutral
events become their stream or, by the same steps, their whole answer.
Source: https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

from ..invalid_parameter import InvalidParameter
from .chunks import ChatEncoder
from .embeddings import EmbeddingsRequest, VectorForm, embeddings_body, embeddings_request
from .models import model_body, model_list_body
from .options import ChatOptions, URLMode
from .request import ChatRequest, chat_request
from .whole import ChatCompletion
from .wishes import ChatWishes, ImageForm

__all__ = (
    "ChatCompletion",
    "ChatEncoder",
    "ChatOptions",
    "ChatRequest",
    "ChatWishes",
    "EmbeddingsRequest",
    "ImageForm",
    "InvalidParameter",
    "URLMode",
    "VectorForm",
    "chat_request",
    "embeddings_body",
    "embeddings_request",
    "model_body",
    "model_list_body",
)
