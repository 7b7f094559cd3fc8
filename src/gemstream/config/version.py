"""The version of gemstream, in one place; the build reads it here."""

__all__ = ("VERSION",)

VERSION = "0.1.0"
