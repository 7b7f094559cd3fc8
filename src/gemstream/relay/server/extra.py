"""What the extra ``gemstream[relay]`` brings for the server, imported in one place."""

from __future__ import annotations

from ...errors import ConfigError

try:
    import httptools
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError as error:
    raise ConfigError(
        f"the relay's server needs {error.name}: pip install 'gemstream[relay]'"
    ) from error

__all__ = ("HttpToolsProtocol", "httptools", "uvicorn")

# They tell every handler at SIGTERM that its caller has left, which cuts live streams.
_CUTTING = ("0.43.", "0.44.")

if uvicorn.__version__.startswith(_CUTTING):
    raise ConfigError(
        f"uvicorn {uvicorn.__version__} cuts running streams when the server leaves: "
        "pip install -U 'gemstream[relay]'"
    )
