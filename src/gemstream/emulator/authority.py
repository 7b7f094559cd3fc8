"""A certificate authority of the emulator's own, so that clients can be tried over TLS.

It is made anew in each process and its key is never written down: what is trusted in a test is
worth nothing after it. trustme comes with the extra ``gemstream[emulator]`` and is imported on
first use.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ConfigError

__all__ = ("LocalAuthority",)

_NAMES = ("localhost", "127.0.0.1", "::1")


class LocalAuthority:
    """Signs certificates of servers on this machine; raises ConfigError without trustme."""

    __slots__ = ("_ca",)

    def __init__(self) -> None:
        self._ca = _import_trustme().CA()

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate as PEM: who trusts it trusts the emulator."""
        pem: bytes = self._ca.cert_pem.bytes()
        return pem

    @contextmanager
    def file(self, path: Path | None = None) -> Iterator[Path]:
        """Give a file with ``certificate``, as SSL_CERT_FILE wants it.

        One without a ``path`` is removed at the end of the block. Raises ConfigError when it
        cannot be written.
        """
        if path is not None:
            self._write(path)
            yield path
            return
        handle, name = tempfile.mkstemp(prefix="gemstream-emulator-", suffix=".pem")
        os.close(handle)
        try:
            self._write(Path(name))
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def client_context(self) -> ssl.SSLContext:
        """Return what a client needs that trusts this authority alone."""
        return ssl.create_default_context(cadata=self.certificate.decode())

    def server_context(self, host: str) -> ssl.SSLContext:
        """Return what a server needs as localhost, 127.0.0.1, ::1 and ``host``.

        Raises ConfigError when no certificate can have that host.
        """
        try:
            certificate = self._ca.issue_cert(*dict.fromkeys((*_NAMES, host)))
        except ValueError as error:
            raise ConfigError(f"no certificate can be made for {host!r}: {error}") from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        certificate.configure_cert(context)
        return context

    def _write(self, path: Path) -> None:
        try:
            path.write_bytes(self.certificate)
        except OSError as error:
            raise ConfigError(
                f"the certificate cannot be written to {path}: {error.strerror}"
            ) from error


def _import_trustme() -> Any:
    try:
        import trustme
    except ImportError as error:
        raise ConfigError(
            f"the emulator's TLS needs {error.name}: pip install 'gemstream[emulator]'"
        ) from error
    return trustme
