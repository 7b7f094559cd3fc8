"""How many tokens a request reads and its answer writes: estimated, or as the service counted."""

from __future__ import annotations

import msgspec

from ...wire.usage import UsageMetadata

__all__ = ("Tokens", "tokens_of")


class Tokens(msgspec.Struct, frozen=True):
    """Tokens read and written, thoughts among them."""

    input: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.input + self.output

    def without(self, others: Tokens) -> Tokens:
        """Return what is more than in ``others``."""
        return Tokens(max(0, self.input - others.input), max(0, self.output - others.output))


def tokens_of(usage: UsageMetadata | None) -> Tokens:
    """Return the tokens of a usage; of one that is not known, none."""
    if usage is None:
        return Tokens()
    read = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Tokens(read, written)
