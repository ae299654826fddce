"""The page about settings names every setting there is, and no other."""

import re
from pathlib import Path

from pydantic import BaseModel

from benchmark_qa.config.deployment import Deployment
from benchmark_qa.config.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Dotted keys; of the scoring rules, which have pages of their own, only the first."""
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        nested = field.annotation
        if name in ("feedback", "write_back", "actions", "exposure", "verdict", "branches", "stages"):
            assert isinstance(nested, type)
            keys |= keys_of(nested, f"{prefix}{name}.")
        else:
            keys.add(prefix + name)
    return keys


def named_in(page: str) -> set[str]:
    return (
        {name for line in page.splitlines() for name in re.findall(r"`([\w.]+)`", line.split("|", 2)[1])}
        if page
        else set()
    )


def test_every_key_of_the_document_and_every_variable_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = named_in("\n".join(line for line in text.splitlines() if line.startswith("| `")))
    variables = {str(field.validation_alias) for field in Settings.model_fields.values()}
    wanted = keys_of(Deployment) | variables
    assert wanted - named == set(), "not on the page"
    assert {name for name in named - wanted if name not in ("days", "at_most")} == set(), "not a setting"
