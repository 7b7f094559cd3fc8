"""One secret of another: HKDF with SHA-256 (RFC 5869)."""

from __future__ import annotations

from ...errors import ConfigError

__all__ = ("NO_CRYPTOGRAPHY", "derived")

NO_CRYPTOGRAPHY = (
    "the relay's secrets need the package cryptography; "
    'install it with: pip install "gemstream[relay]"'
)


def derived(secret: bytes, label: str, salt: bytes | None = None) -> bytes:
    """Return the 32 bytes that ``secret`` gives for ``label`` and ``salt``.

    Raises ConfigError without ``gemstream[relay]``.
    """
    try:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError:
        raise ConfigError(NO_CRYPTOGRAPHY) from None
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=label.encode()).derive(secret)
