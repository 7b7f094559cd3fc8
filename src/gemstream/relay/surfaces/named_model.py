"""The model that a body names, read before the body is."""

from __future__ import annotations

import msgspec

from ...wire.dialect.refusal import Fault, Refusal
from ..refused import Refused

__all__ = ("named_model",)


class _Named(msgspec.Struct):
    model: object = None


_peek = msgspec.json.Decoder(_Named)


def named_model(body: bytes) -> str:
    """Return the ``model`` of a body that was checked to be a JSON object.

    A prefix ``models/`` is no part of the name. Raises Refused when none is named.
    """
    try:
        model = _peek.decode(body).model
    except msgspec.DecodeError:  # a number that no computer can hold, as 1e999
        model = None
    if not isinstance(model, str) or not model:
        raise Refused(
            Refusal(
                Fault.INVALID,
                "model is missing; name one, as 'gemini-2.5-flash'",
                param="model",
            )
        )
    return model.removeprefix("models/")
