"""What the connections of a listener go by, in one place that a reload can change."""

from __future__ import annotations

from ...config.relay.options import ServerOptions

__all__ = ("Settings",)


class Settings:
    """``options`` as they hold now; ``is_draining``: connections close after their answer."""

    __slots__ = ("is_draining", "options")

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.is_draining = False
