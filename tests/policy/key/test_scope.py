from __future__ import annotations

import pytest

from gemstream.errors import ConfigError
from gemstream.policy.key.scope import KeyScope, ScopeFault, networks_of, surfaces_of
from gemstream.wire.dialect.dialect import Dialect

GEMINI, OPENAI = Dialect.GEMINI, Dialect.OPENAI
NETWORKS = networks_of(("10.0.0.0/8", "192.0.2.7", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("scope", "surface", "address", "fault"),
    [
        (KeyScope(), GEMINI, None, None),
        (KeyScope(is_enabled=False), GEMINI, None, ScopeFault.DISABLED),
        (KeyScope(expires=100.0), GEMINI, None, ScopeFault.EXPIRED),
        (KeyScope(expires=100.5), GEMINI, None, None),
        (KeyScope(surfaces=(OPENAI,)), GEMINI, None, ScopeFault.SURFACE_NOT_ALLOWED),
        (KeyScope(surfaces=(OPENAI, GEMINI)), GEMINI, None, None),
        (KeyScope(networks=NETWORKS), GEMINI, "10.255.0.1", None),
        (KeyScope(networks=NETWORKS), GEMINI, "::ffff:10.255.0.1", None),
        (KeyScope(networks=NETWORKS), GEMINI, "192.0.2.7", None),
        (KeyScope(networks=NETWORKS), GEMINI, "2001:db8::1", None),
        (KeyScope(networks=NETWORKS), GEMINI, "192.0.2.8", ScopeFault.ADDRESS_NOT_ALLOWED),
        (KeyScope(networks=NETWORKS), GEMINI, "2001:db9::1", ScopeFault.ADDRESS_NOT_ALLOWED),
        (KeyScope(networks=NETWORKS), GEMINI, "::10.0.0.1", ScopeFault.ADDRESS_NOT_ALLOWED),
        (KeyScope(networks=NETWORKS), GEMINI, None, ScopeFault.ADDRESS_NOT_ALLOWED),
        (KeyScope(networks=NETWORKS), GEMINI, "/run/relay", ScopeFault.ADDRESS_NOT_ALLOWED),
        (KeyScope(networks=NETWORKS), GEMINI, "10.0.0.1 ", ScopeFault.ADDRESS_NOT_ALLOWED),
    ],
)
def test_a_key_is_kept_within_its_bounds(
    scope: KeyScope, surface: Dialect, address: str | None, fault: ScopeFault | None
) -> None:
    assert scope.fault(surface, address, now=100.0) is fault


@pytest.mark.parametrize(
    ("patterns", "model", "is_allowed"),
    [
        ((), "anything", True),
        (("gemini-2.5-flash",), "gemini-2.5-flash", True),
        (("gemini-2.5-flash",), "gemini-2.5-flash-lite", False),
        (("gemini-2.5-*",), "gemini-2.5-pro", True),
        (("gemini-2.5-*",), "GEMINI-2.5-pro", False),
        (("gemini-2.5-*",), "gemini-2x5-pro", False),
        (("a", "gemini-*"), "gemini-3", True),
        (("gemini-*",), "x\ngemini-3", False),
    ],
)
def test_models_go_by_patterns(patterns: tuple[str, ...], model: str, is_allowed: bool) -> None:
    fault = KeyScope(models=patterns).model_fault(model)
    assert fault is (None if is_allowed else ScopeFault.MODEL_NOT_ALLOWED)


def test_a_key_that_is_none_any_more_is_a_401_and_what_it_may_not_do_a_403() -> None:
    gone = {ScopeFault.DISABLED, ScopeFault.EXPIRED}
    assert {fault for fault in ScopeFault if fault.http_status == 401} == gone
    assert {fault.http_status for fault in set(ScopeFault) - gone} == {403}


def test_a_surface_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no surface 'gemin', only gemini, .*; gemini is meant"):
        surfaces_of(["gemin"])
    assert surfaces_of(["openai"]) == (OPENAI,)


@pytest.mark.parametrize("cidr", ["10.0.0.1/8", "10.0.0.0/33", "everywhere", ""])
def test_a_network_that_is_none_is_refused(cidr: str) -> None:
    with pytest.raises(ConfigError, match="is no network"):
        networks_of([cidr])
