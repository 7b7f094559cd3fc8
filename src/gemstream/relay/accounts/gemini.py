"""Accounts of the Gemini API, by API key.

Source: https://ai.google.dev/api.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...config.options import BASE_URL
from ...config.relay.options import AccountOptions
from ...credentials.api_key import APIKey, Credentials
from ...errors import ConfigError, InvalidRequest
from ...net.transport import HTTPRequest
from ...wire.dialect.dialect import Dialect
from ...wire.endpoint import TABLE, path_url, url_for
from ...wire.model import model_resource
from .head import passed_up
from .kind import Call

__all__ = ("GeminiKind",)

# What says which form an answer has, and who pays, is never the caller's.
_OURS = ("alt", "$alt", "key", "prettyPrint", "$prettyPrint")
_PASSED = ("pageSize", "pageToken")


class GeminiKind:
    """How the Gemini API is asked; every stream comes as server-sent events."""

    name = "gemini"
    dialect = Dialect.GEMINI

    def base_url(self, options: AccountOptions) -> str:
        """Return the account's own address, else Google's."""
        return options.base_url or BASE_URL

    def credentials(self, options: AccountOptions) -> Credentials:
        """Return the API key; raises ConfigError for none, and for what cannot be one."""
        if not options.api_key:
            raise ConfigError(
                f"account {options.name!r} has no api_key; a gemini account needs one, as "
                '"env:GEMINI_API_KEY"'
            )
        try:
            key = APIKey(options.api_key)
        except InvalidRequest as error:
            raise ConfigError(f"account {options.name!r}: {error}") from None
        if key.is_ephemeral:
            raise ConfigError(
                f"the api_key of account {options.name!r} is an ephemeral token, which opens Live "
                "sessions and nothing else; use an API key"
            )
        return key

    def request(
        self, options: AccountOptions, authorization: Mapping[str, str], call: Call
    ) -> HTTPRequest:
        """Return what is sent; see ``Kind``."""
        headers = passed_up(
            call.headers,
            total_left=call.total_left,
            attempt=call.attempt if options.attempt_header else "",
        )
        return HTTPRequest(
            TABLE[call.operation].method if call.operation else call.method,
            _url(self.base_url(options), call),
            {**headers, **authorization},
            call.body,
        )


def _url(base_url: str, call: Call) -> str:
    query = _query(call.query)
    if call.operation is None:
        return path_url(base_url, call.version, call.path, query)
    model = None
    if TABLE[call.operation].takes_model:
        model = model_resource(call.model or "")
    return url_for(base_url, call.version, call.operation, model=model, query=query)


def _query(given: Mapping[str, str]) -> dict[str, str]:
    passed = {name: value for name, value in given.items() if name not in _OURS}
    for name in passed:
        if name not in _PASSED:
            raise InvalidRequest(
                f"the query parameter {name!r:.40} is not passed on; {' and '.join(_PASSED)} are"
            )
    return passed
