"""Expected failures to one clear line on standard error and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

USAGE_ERROR = 2
UNAVAILABLE = 3
INCOMPLETE = 4


@contextmanager
def clear_failures() -> Iterator[None]:
    """Exit 2 for faulty settings, 3 where Encord or the database cannot be used; the message says which."""
    from agents.config import SettingsError
    from agents.platform import PlatformError
    from agents.store import RulingRefusedError, StoreError, UnknownActionError
    from agents.workflows.errors import RefusalError

    try:
        yield
    except SettingsError as error:
        _say("the settings are not usable:", str(error))
        raise typer.Exit(USAGE_ERROR) from None
    except (RefusalError, RulingRefusedError, UnknownActionError) as error:
        _say(str(error))
        raise typer.Exit(USAGE_ERROR) from None
    except (PlatformError, StoreError) as error:
        _say(str(error))
        raise typer.Exit(UNAVAILABLE) from None
    except KeyboardInterrupt:
        _say("interrupted: what is done is kept, run it again to go on")
        raise typer.Exit(130) from None


def _say(*lines: str) -> None:
    print(*lines, sep="\n  ", file=sys.stderr)  # noqa: T201 - this is the command line
