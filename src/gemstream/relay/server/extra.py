"""What the extra ``gemstream[relay]`` brings for the server, imported in one place."""

from __future__ import annotations

from ...errors import ConfigError
from .floor import library_fault

try:
    import aiohttp
    import httptools
    import uvicorn
    from aiohttp import http_parser
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError as error:
    raise ConfigError(
        f"the relay's server needs {error.name}: pip install 'gemstream[relay]'"
    ) from error

__all__ = ("HttpToolsProtocol", "httptools", "uvicorn")

_fault = library_fault(
    aiohttp=aiohttp.__version__,
    uvicorn=uvicorn.__version__,
    has_c_parser=http_parser.HttpResponseParser is not http_parser.HttpResponseParserPy,
)
if _fault is not None:
    raise ConfigError(_fault)
