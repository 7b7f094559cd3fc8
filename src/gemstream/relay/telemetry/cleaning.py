"""Text on its way into a log or a label: keys taken out of it, and nothing in it that acts.

What the relay writes is made of its own words, numbers and the operator's names, so there should be
nothing to find here. This is the second lock: a secret that comes into a line all the same, as in
the words of an exception, is replaced, and no line can be split or move a terminal's cursor.
"""

from __future__ import annotations

import functools
import re

__all__ = ("REPLACEMENT", "clean", "redacted")

REPLACEMENT = "REDACTED"

_SECRETS = re.compile(
    r"""
      AIza[0-9A-Za-z_-]{16,}                       # an API key of Google's
    | AQ\.[0-9A-Za-z_.-]{16,}                      # one that is bound to an account
    | ya29\.[0-9A-Za-z_.-]+                        # an access token
    | gk_live_[0-9A-Za-z_-]+                       # a key that we minted
    | sk-[0-9A-Za-z_-]{8,}                         # OpenAI's and Anthropic's
    | AKIA[0-9A-Z]{12,}                            # of AWS
    | eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_.-]+        # a JWT
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|$)
    | (?i:(?<=bearer[ ])|(?<=basic[ ]))[0-9A-Za-z._~+/=-]{6,}
    | (?<=://)[^\s/@:]*:[^\s/@]*(?=@)              # name and password in a URL
    | (?i:(?<=[?&]key=)|(?<=api_key=)|(?<=token=)|(?<=password=)|(?<=secret=))[^\s&"']+
    """,
    re.VERBOSE | re.DOTALL,
)
# C0, C1, DEL, and the separators that some readers take for ends of lines.
_ACTING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 200


def redacted(text: str) -> str:
    """Return ``text`` without what looks like a key, a token or a password."""
    return _SECRETS.sub(REPLACEMENT, text)


@functools.lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Return ``text`` as one harmless piece of a line: redacted, escaped, at most 200 characters.

    Remembered, for it is asked of the same few names again and again.
    """
    return _ACTING.sub(_escaped, redacted(text))[:_LONGEST]


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
