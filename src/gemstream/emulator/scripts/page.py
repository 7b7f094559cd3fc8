"""The error page of a proxy, in HTML."""

from __future__ import annotations

import http

from .faults import Html

__all__ = ("HTML_TYPE", "page_of")

HTML_TYPE = "text/html; charset=UTF-8"
_STATUS_CODES = frozenset(http.HTTPStatus)
_PAGE = """<!DOCTYPE html>
<html><head><title>{code} {reason}</title></head>
<body><center><h1>{code} {reason}</h1></center><hr><center>gateway</center></body></html>
"""


def page_of(fault: Html) -> bytes:
    """Return the page, the fault's own if it has one."""
    if fault.body is not None:
        return fault.body.encode()
    reason = http.HTTPStatus(fault.code).phrase if fault.code in _STATUS_CODES else "Error"
    return _PAGE.format(code=fault.code, reason=reason).encode()
