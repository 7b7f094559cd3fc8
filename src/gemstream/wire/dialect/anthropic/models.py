"""The list of models, and one of them, in Anthropic's format.

Source: https://docs.anthropic.com/en/api/models-list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....errors import InvalidRequest
from ...codec import JSONObject, encode
from ...model import Model

__all__ = ("model_body", "model_list_body")

_PAGE = 20
_LARGEST_PAGE = 1000
_EPOCH = "1970-01-01T00:00:00Z"  # what Anthropic says for a date that is not known


def model_body(model: Model) -> bytes:
    """Return one model."""
    return encode(_info(model))


def model_list_body(models: Sequence[Model], query: Mapping[str, str] | None = None) -> bytes:
    """Return the page of ``models`` that ``query`` asks for: those that answer messages.

    ``query``: ``limit`` (1 to 1000, 20 if absent), ``after_id`` or ``before_id``. Raises
    InvalidRequest for another limit or an id that is not in the list.
    """
    query = query or {}
    infos = [_info(model) for model in models if _answers(model)]
    ids = [info["id"] for info in infos]
    limit = _limit(query.get("limit"))
    end = len(ids)
    if before := query.get("before_id"):
        end = _place(before, ids, "before_id")
        start = max(0, end - limit)
        has_more = start > 0
    else:
        after = query.get("after_id")
        start = _place(after, ids, "after_id") + 1 if after else 0
        has_more = start + limit < end
        end = min(end, start + limit)
    page = infos[start:end]
    return encode(
        {
            "data": page,
            "has_more": has_more,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }
    )


def _info(model: Model) -> JSONObject:
    name = (model.name or "").removeprefix("models/")
    return {
        "type": "model",
        "id": name,
        "display_name": model.display_name or name,
        "created_at": _EPOCH,
        "lifecycle": "active",
        "max_input_tokens": model.input_token_limit,
        "max_tokens": model.output_token_limit,
    }


def _answers(model: Model) -> bool:
    methods = model.supported_generation_methods
    return not methods or "generateContent" in methods


def _limit(text: str | None) -> int:
    if text is None:
        return _PAGE
    # int() takes more than digits, as "+5" and "1_0".
    if text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= _LARGEST_PAGE:
        return int(text[:5])
    raise InvalidRequest(f"limit: {text[:20]!r} is not a whole number from 1 to {_LARGEST_PAGE}")


def _place(id: str, ids: Sequence[str], name: str) -> int:
    try:
        return ids.index(id)
    except ValueError:
        raise InvalidRequest(
            f"{name}: no model {id[:100]!r} is in the list; take an id of an earlier page"
        ) from None
