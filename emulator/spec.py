"""What every part of a world file has in common."""

from uuid import uuid4

from pydantic import BaseModel, ConfigDict


def new_uuid() -> str:
    """A fresh identifier in the platform's spelling: lower case, with dashes."""
    return str(uuid4())


class Spec(BaseModel):
    """What every part of a world file has in common: an unknown key is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid")
