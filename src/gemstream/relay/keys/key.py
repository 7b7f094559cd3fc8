"""One caller's key as the relay works with it: what it may do, and what it is held to."""

from __future__ import annotations

import msgspec

from ...config.checks import Check
from ...config.relay.checks import model, name
from ...config.relay.options import BudgetOptions, DisconnectPolicy, KeyOptions
from ...errors import ConfigError
from ...policy.key.scope import KeyScope, networks_of, surfaces_of
from .quotas import Quotas

__all__ = ("Key", "key_of")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret. ``id``: what books and logs name it by; a configured key's name.

    ``last4``: the last characters of its secret, to show. The other fields are ``KeyOptions``.
    """

    id: str
    name: str
    last4: str = ""
    scope: KeyScope = KeyScope()
    quotas: Quotas = Quotas()
    budget: BudgetOptions = BudgetOptions()
    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    on_disconnect: DisconnectPolicy = DisconnectPolicy.CANCEL
    drain_seconds: float = 60.0
    heartbeat: float | None = None
    max_output_tokens: int | None = None


def key_of(options: KeyOptions, *, id: str | None = None, last4: str = "") -> Key:
    """Return the key that ``options`` describe; ``id`` is by default its name.

    Raises ConfigError, which names the key, for a scope, limit or budget that cannot be used.
    """
    _check(name, options.name, "a key is named {!r:.80}; {}")
    for pattern in options.models:
        _check(model, pattern, f"key {options.name}: it is for model {{!r:.80}}; {{}}")
    try:
        return Key(
            id=id or options.name,
            name=options.name,
            last4=last4,
            scope=_scope_of(options),
            quotas=_quotas_of(options),
            budget=_checked(options.budget),
            accounts=options.accounts,
            groups=options.groups,
            on_disconnect=options.on_disconnect,
            drain_seconds=options.drain_seconds,
            heartbeat=options.heartbeat,
            max_output_tokens=options.max_output_tokens,
        )
    except ConfigError as error:
        raise ConfigError(f"key {options.name!r:.80}: {error}") from None


def _check(check: Check, value: str, said: str) -> None:
    try:
        check(value)
    except ValueError as error:
        raise ConfigError(said.format(value, error)) from None


def _scope_of(options: KeyOptions) -> KeyScope:
    return KeyScope(
        models=options.models,
        surfaces=surfaces_of(options.surfaces),
        networks=networks_of(options.cidrs),
        expires=options.expires,
        is_enabled=options.is_enabled,
    )


def _quotas_of(options: KeyOptions) -> Quotas:
    return Quotas(
        rpm=options.rpm,
        tpm=options.tpm,
        rpd=options.rpd,
        concurrency=options.concurrency,
        rpm_burst=options.rpm_burst,
        tpm_burst=options.tpm_burst,
        queue=options.queue,
        queue_timeout=options.queue_timeout,
    )


def _checked(budget: BudgetOptions) -> BudgetOptions:
    for period in BudgetOptions.__struct_fields__:
        micros = getattr(budget, period)
        if micros is not None and micros < 0:
            raise ConfigError(
                f"its {period} budget is {micros:,} micro-dollars; it must be 0 or more"
            )
    return budget
