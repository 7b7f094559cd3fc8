"""Which proxy stands between here and an origin, as the environment says."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConfigError

__all__ = ("environment_proxy", "origin")


def origin(url: str) -> tuple[str, str]:
    """Return the scheme and the ``host:port`` of ``url``; empty where it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:  # what is wrong with it is said by whoever opens it
        return "", ""
    return parts.scheme, parts.netloc.rpartition("@")[2]


def environment_proxy(scheme: str, host: str) -> str | None:
    """Return the URL of the proxy for ``scheme://host``, None to go there directly.

    Reads ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in either case; where
    none is set, macOS and Windows answer from their settings. ``~/.netrc`` is never read.
    """
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or not host or proxy_bypass(host):
        return None
    found = found if "://" in found else f"http://{found}"
    kind, at = origin(found)
    if kind not in ("http", "https") or not at:  # its text is not shown: it may hold a password
        raise ConfigError(
            f"the environment names a proxy for {scheme}://{host} that cannot be used: it is a "
            f"{kind or 'broken'} URL, and only http:// and https:// proxies are spoken; set "
            f"{scheme.upper()}_PROXY, or NO_PROXY={host}"
        )
    return found
