"""What a client's constructor takes, by name and kind; ``settings`` says what it means."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any, TypedDict

from ..config.limits import Limits
from ..config.loading import ConfigSource
from ..config.prices import PriceTable
from ..config.tiers import Tier
from ..config.timeouts import Timeouts
from ..credentials.api_key import Credentials
from ..errors import ConfigError
from ..limits.store import LimitStore
from ..limits.stores import check_store
from ..net.transport import Transport
from ..policy.retry import RetryPolicy
from ..telemetry.events import Hook

__all__ = ("ClientOptions", "check_options")


class ClientOptions(TypedDict, total=False):
    """The options of ``AsyncClient`` and ``Client``; one of None is one that was not given.

    ``model``: the default for calls that name none. ``base_url``, else GOOGLE_GEMINI_BASE_URL, else
    Google's. ``vertexai``, ``project``, ``location``: ask Vertex AI instead of the Gemini API; a
    project is enough, the location is then ``global``. ``credentials``: instead of an API key.
    ``config``: the file to read instead of those that are found, or False for none. ``tier``: whose
    limits to keep, by name as "free", else GEMINI_TIER, else the files', else that of a new account
    on Google's hosts and none elsewhere.
    ``timeouts``: see ``Timeouts``; a number means ``total``. ``retry``: see ``RetryPolicy``.
    ``limits``: the limits to keep instead of a tier's, the same for every model; here None means
    none at all. ``limit_store``: where they are counted: "process", "machine", the URL of a Redis,
    or a ``LimitStore``. ``limit_check_every``: after so many chunks a stream looks whether it used
    more tokens a minute than allowed, and if so reads on later. ``transport``: another way to the
    service; it stays the caller's to close. ``headers`` go along with every request; those of the
    credentials win over them. ``on_event``: a function that is told what each call of a model does,
    see ``gemstream.telemetry.events``. ``prices``: your own over the bundled ones, in USD per
    million tokens by model, or a PriceTable instead of them. ``live_models``: by name, True for a
    model that is asked in Live sessions and False for one that is not, whatever the bundled list or
    the name say. ``max_event_size`` and ``max_request_size`` bound one event and one request, in
    bytes.
    """

    model: str | None
    base_url: str | None
    api_version: str | None
    vertexai: bool | None
    project: str | None
    location: str | None
    credentials: Credentials | None
    config: ConfigSource
    tier: str | Tier | None
    timeouts: Timeouts | float | None
    retry: RetryPolicy | None
    limits: Limits | None
    limit_store: LimitStore | str | None
    limit_check_every: int | None
    transport: Transport | None
    headers: Mapping[str, str] | None
    on_event: Hook | None
    prices: PriceTable | Mapping[str, Any] | None
    live_models: Mapping[str, bool] | None
    max_event_size: int | None
    max_request_size: int | None


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ConfigError for an option that does not exist, naming the nearest that does."""
    for name in options:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, n=1)
            hint = _ELSEWHERE.get(name) or (f"; did you mean {near[0]!r}?" if near else "")
            raise ConfigError(f"a client has no option {name!r}{hint}")
    if options.get("on_event") is not None and not callable(options["on_event"]):
        raise ConfigError(f"on_event is {options['on_event']!r:.80}; pass a function of one event")
    if inspect.iscoroutinefunction(options.get("on_event")):
        raise ConfigError("on_event is a coroutine function, which nothing would await; pass a def")
    if options.get("limit_store") is not None:
        check_store(options["limit_store"])
    every = options.get("limit_check_every")
    if every is not None and (type(every) is not int or every < 1):
        raise ConfigError(f"limit_check_every is {every!r:.80}; it takes a number of chunks")
    _check_live_models(options.get("live_models"))


def _check_live_models(named: object) -> None:
    if named is None:
        return
    if not isinstance(named, Mapping) or any(
        not isinstance(name, str) or not isinstance(is_live, bool)
        for name, is_live in named.items()
    ):
        raise ConfigError(f"live_models is {named!r:.80}; pass a dict, as {{'my-model': True}}")


# What is an option, though not of a client.
_ELSEWHERE = {
    "limit_wait": "; it is one of timeouts=Timeouts(limit_wait=…), and of each call",
    "max_cost": "; it is one of each call",
    "limit": "; pass limits=Limits(rpm=…, tpm=…, rpd=…, concurrency=…)",
}
_KNOWN = frozenset(ClientOptions.__annotations__)
