"""A value of a program → plain dicts, lists and scalars, as JSON can say them."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from ...errors import InvalidRequest
from ...wire.codec import encode

__all__ = ("plain_value",)


def plain_value(value: Any) -> Any:
    """Return dataclasses, Structs, pydantic models, enums, dates and containers as plain values.

    Bytes become base64, keys text. Raises InvalidRequest for what JSON cannot say.
    """
    try:
        plain = msgspec.to_builtins(value, enc_hook=_dumped, str_keys=True)
        _check_finite(plain)
        encode(plain)  # what is refused here would be refused when it is sent
    except InvalidRequest:
        raise
    except RecursionError:
        raise InvalidRequest("the value holds itself, or is nested too deeply") from None
    except Exception as error:  # what a model's dump raises is its program's
        raise InvalidRequest(f"the value cannot be written as JSON: {error}") from None
    return plain


def _dumped(value: Any) -> Any:
    """Return what a value that msgspec does not know says of itself, as a pydantic model."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form; use a dict or a dataclass")


def _check_finite(plain: Any) -> None:
    if isinstance(plain, float) and not math.isfinite(plain):
        raise InvalidRequest(f"the value holds {plain!r}, and JSON has finite numbers only")
    if isinstance(plain, dict):
        for inner in plain.values():
            _check_finite(inner)
    elif isinstance(plain, list | tuple):
        for inner in plain:
            _check_finite(inner)
