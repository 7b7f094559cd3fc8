"""The way into the commands, for ``gemstream`` and ``python -m gemstream``.

It loads without any extra, so that it can name the one that is missing.
"""

from __future__ import annotations

import sys

from .cli.exit_codes import ExitCode

__all__ = ("main",)

# What the extra `cli` brings; anything else that is missing is a broken installation.
_EXTRA = ("typer", "rich")


def main() -> int:
    """Run the command line in ``sys.argv`` and return its exit code."""
    try:
        from .cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f"error: the gemstream command needs {error.name}, which is not installed: "
            "pip install 'gemstream[cli]'",
            file=sys.stderr,
        )
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return run()


if __name__ == "__main__":
    sys.exit(main())
