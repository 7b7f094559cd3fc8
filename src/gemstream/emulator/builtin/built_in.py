"""The built-in answer to a request: a feedback, whole candidates, or one hop of a long one.

Pure. Raises what the service would answer.
"""

from __future__ import annotations

import msgspec

from ...errors import APIError
from ...wire.endpoint import Operation
from ...wire.request import GenerateContentRequest
from ..refusal import invalid
from ..service import Call
from .answer import Answer, Draft
from .checkpoint import fingerprint_of, position_of
from .citations import blocked_prompt
from .continuation import STREAM_HOP_TOKENS, WHOLE_HOP_TOKENS, can_continue, hop_of
from .prompt import prompt_text
from .responder import compose
from .schema_filler import SchemaTooComplex
from .wishes import Wish, wishes_of

__all__ = ("BuiltIn",)


class BuiltIn(msgspec.Struct, frozen=True):
    """The built-in model; ``hop_tokens`` of Gemini 4, None for the service's own."""

    seed: int = 0
    hop_tokens: int | None = None

    def answer(self, call: Call, request: GenerateContentRequest, frame: Answer) -> Answer:
        """Return ``frame`` filled; raises NotFound and InvalidArgument."""
        known = call.known_model()
        if Wish.BLOCKED in wishes_of(prompt_text(request.contents)):
            return msgspec.structs.replace(frame, feedback=blocked_prompt())
        limit = known.output_token_limit
        candidates = request.generation_config and request.generation_config.candidate_count
        is_long = can_continue(known.name) and (candidates or 1) == 1
        if request.continuation_token and not is_long:
            raise _cannot_continue(known.name)
        if is_long:  # one window for prompt and answer
            limit = max(1, known.input_token_limit - sum(frame.prompt_tokens.values()))
        try:
            drafts = compose(request, output_limit=limit, seed=self.seed)
        except SchemaTooComplex as error:
            raise invalid(f"* GenerateContentRequest.generation_config: {error}") from None
        if is_long:
            drafts = [self._hop(call, request, drafts[0])]
        if call.route.is_vertex and _streams_arguments(request):
            drafts = [msgspec.structs.replace(one, streams_arguments=True) for one in drafts]
        return msgspec.structs.replace(frame, drafts=drafts)

    def _hop(self, call: Call, request: GenerateContentRequest, draft: Draft) -> Draft:
        is_stream = call.route.operation is Operation.STREAM
        most = STREAM_HOP_TOKENS if is_stream else WHOLE_HOP_TOKENS
        fingerprint = fingerprint_of(request, self.seed)
        token = request.continuation_token
        return hop_of(
            draft,
            start=position_of(token, fingerprint) if token else 0,
            tokens=self.hop_tokens or most,
            fingerprint=fingerprint,
        )


def _cannot_continue(model: str) -> APIError:
    if can_continue(model):
        return invalid("continuation_token goes with one candidate only.")
    return invalid("continuation_token is not supported for this model.")


def _streams_arguments(request: GenerateContentRequest) -> bool:
    config = request.tool_config.function_calling_config if request.tool_config else None
    return bool(config and config.stream_function_call_arguments)
