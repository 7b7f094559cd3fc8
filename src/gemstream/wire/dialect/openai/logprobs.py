"""Gemini's ``logprobsResult`` as OpenAI's list of tokens with their alternatives."""

from __future__ import annotations

from ....errors import DecodeError
from ...codec import JSONObject, decode
from ...response import LogprobsCandidate, LogprobsResult

__all__ = ("token_logprobs",)


def token_logprobs(payload: bytes) -> list[JSONObject]:
    """Return the tokens of one chunk; none when the service's account of them cannot be read."""
    try:
        result = decode(payload, LogprobsResult)
    except DecodeError:
        return []  # they are about the answer, which is worth more than they are
    tops = [list(top.candidates) for top in result.top_candidates]
    tokens = []
    for number, chosen in enumerate(result.chosen_candidates):
        others = tops[number] if number < len(tops) else []
        tokens.append({**_token(chosen), "top_logprobs": [_token(other) for other in others]})
    return tokens


def _token(candidate: LogprobsCandidate) -> JSONObject:
    token = candidate.token or ""
    return {
        "token": token,
        "logprob": candidate.log_probability or 0.0,
        "bytes": list(token.encode("utf-8", "replace")),
    }
