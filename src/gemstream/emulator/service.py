"""What the emulator answers besides generated content: counts, embeddings, models, tokens.

A call in, the message of the answer out, or the APIError that refuses it; only tokens are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from ..config.models import KnownModel
from ..wire.codec import Message
from ..wire.content import Content
from ..wire.embedding import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    EmbedContentRequest,
    EmbedContentResponse,
    Embedding,
)
from ..wire.endpoint import Operation, Route
from ..wire.live.auth_token import AuthToken
from ..wire.request import CountTokensRequest, CountTokensResponse
from ..wire.response import GenerateContentResponse
from ..wire.usage import UsageMetadata
from .builtin.embedding import embed_text
from .builtin.token_count import contents_tokens, modality_details, request_tokens
from .live.tokens import Tokens
from .models import find_model, list_models, model_for, model_resource_of, publisher_model_of
from .number import whole_number
from .refusal import bad_page_token, invalid
from .request_check import check_contents, check_request, read_request
from .vertex import (
    embeddings_asked_for,
    predicted_embeddings,
    read_embed_request,
    vertex_token_count,
)

__all__ = ("Call", "answer_call")

_MAX_BATCH = 100
_DIMENSIONS = {"text-embedding-004": 768}
_MOST_DIMENSIONS = 3072


class Call(msgspec.Struct, frozen=True):
    """A request as the services see it."""

    route: Route
    query: Mapping[str, str]
    body: bytes

    @property
    def model(self) -> str:
        """The model's resource name; ``""`` where the path has none."""
        return self.route.model or ""

    def known_model(self) -> KnownModel:
        """Return the model of the path; raises NotFound when it cannot do what is asked."""
        return model_for(self.route)


class _Reply(msgspec.Struct, frozen=True):
    """A message that is all of its answer."""

    message: Message

    def whole(self) -> Message:
        return self.message

    def chunks(self) -> Iterator[GenerateContentResponse]:
        return iter(())


def answer_call(call: Call, tokens: Tokens, key_hash: str) -> _Reply:
    """Return the answer to any call but of generateContent; raises APIError.

    An ephemeral token is made in ``tokens`` for the key of ``key_hash``.
    """
    if call.route.operation is Operation.CREATE_TOKEN:
        return _Reply(tokens.create(read_request(call.body, AuthToken), key_hash))
    return _Reply(_SERVICES[call.route.operation](call))


def _count_tokens(call: Call) -> Message:
    if call.route.is_vertex:
        return vertex_token_count(call.body, call.route, call.known_model())
    request = read_request(call.body, CountTokensRequest)
    call.known_model()
    whole = request.generate_content_request
    if whole is not None:
        check_request(whole, call.route)
        tokens = request_tokens(whole)
    else:
        check_contents(request.contents, "CountTokensRequest")
        tokens = contents_tokens(request.contents)
    return CountTokensResponse(
        total_tokens=sum(tokens.values()), prompt_tokens_details=modality_details(tokens)
    )


def _embed(call: Call) -> Message:
    if call.route.is_vertex:
        request = read_embed_request(call.body)
    else:
        request = read_request(call.body, EmbedContentRequest)
    embedding = _embedding(request, call.known_model())
    return EmbedContentResponse(embedding=embedding, usage_metadata=_embed_usage([request]))


def _batch_embed(call: Call) -> Message:
    batch = read_request(call.body, BatchEmbedContentsRequest)
    model = call.known_model()
    if not batch.requests:
        raise invalid("* BatchEmbedContentsRequest.requests: requests is not specified")
    if len(batch.requests) > _MAX_BATCH:
        raise invalid(
            "* BatchEmbedContentsRequest.requests: at most "
            f"{_MAX_BATCH} requests can be in one batch"
        )
    for index, request in enumerate(batch.requests):
        if request.model != call.model:
            raise invalid(
                f"* BatchEmbedContentsRequest.requests[{index}].model: unexpected model "
                f"{request.model!r}, it must be the model of the path, {call.model}"
            )
    return BatchEmbedContentsResponse(
        embeddings=[_embedding(request, model) for request in batch.requests],
        usage_metadata=_embed_usage(batch.requests),
    )


def _predict(call: Call) -> Message:
    """The older embeddings of Vertex: texts as instances."""
    model = call.known_model()
    requests = embeddings_asked_for(call.body)
    return predicted_embeddings([(one, _embedding(one, model)) for one in requests])


def _list_models(call: Call) -> Message:
    given = call.query.get("pageSize")
    size = None if given is None else whole_number(given)
    if given is not None and size is None:
        raise bad_page_token()
    return list_models(call.route, size, call.query.get("pageToken"))


def _show_model(call: Call) -> Message:
    known = find_model(call.route)
    if call.route.is_vertex:
        return Message(extra=publisher_model_of(known))
    return model_resource_of(known)


_SERVICES: Mapping[Operation, Callable[[Call], Message]] = {
    Operation.COUNT_TOKENS: _count_tokens,
    Operation.EMBED: _embed,
    Operation.BATCH_EMBED: _batch_embed,
    Operation.PREDICT: _predict,
    Operation.LIST_MODELS: _list_models,
    Operation.GET_MODEL: _show_model,
}


def _embedding(request: EmbedContentRequest, model: KnownModel) -> Embedding:
    if request.content is None or not request.content.parts:
        raise invalid("* EmbedContentRequest.content: contents is not specified")
    full = _DIMENSIONS.get(model.name, _MOST_DIMENSIONS)
    wanted = full if request.output_dimensionality is None else request.output_dimensionality
    if not 1 <= wanted <= full:
        raise invalid(
            "* EmbedContentRequest.output_dimensionality: "
            f"output_dimensionality must be in the range [1, {full}]."
        )
    return Embedding(values=embed_text(_embedded_text(request.content), wanted, full))


def _embedded_text(content: Content) -> str:
    """The text of a content; a file stands in it as its digest."""
    texts = []
    for part in content.parts:
        if part.inline_data is not None:
            texts.append(hashlib.blake2b(part.inline_data.data.encode()).hexdigest())
        elif part.file_data is not None:
            texts.append(part.file_data.file_uri or "")
        else:
            texts.append(part.text or "")
    return "\n".join(texts)


def _embed_usage(requests: Sequence[EmbedContentRequest]) -> UsageMetadata:
    tokens = contents_tokens(request.content for request in requests if request.content)
    return UsageMetadata(
        prompt_token_count=sum(tokens.values()), prompt_tokens_details=modality_details(tokens)
    )
