"""What a handler is given: the platform, who calls, and the request's parts."""

from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from emulator.errors import InvalidArgumentsError

if TYPE_CHECKING:
    from emulator.datasets.models import Dataset
    from emulator.emulator import Emulator
    from emulator.platform import Platform
    from emulator.projects.models import Project
    from emulator.users.models import User


@dataclass(frozen=True, slots=True)
class Call:
    """A v2 request (or one to the control interface, where nobody is the caller).

    `sent` is the body as it came: JSON that has been read, or bytes where a file is uploaded.
    """

    emulator: "Emulator"
    user: "User"
    base_url: str
    params: dict[str, str]
    query: QueryParams
    sent: Any

    @property
    def body(self) -> dict[str, Any]:
        """The body of a request that sends an object, or nothing at all."""
        return _object(self.sent, "The body")

    @property
    def records(self) -> list[dict[str, Any]]:
        """The body of a request that sends a list of objects."""
        return _objects(self.sent, "The body")

    @property
    def platform(self) -> "Platform":
        """The platform's state."""
        return self.emulator.platform

    def refuse_more_than_a_bundle(self, sent: Sized) -> None:
        """Refuses a request that does more at a time than the SDK ever puts into one bundle.

        Raises:
            InvalidArgumentsError: when it does.
        """
        _refuse_more_than(self.platform.switches.largest_bundle, sent)

    def project(self) -> "Project":
        """The project of the path, which the caller must be in."""
        return self.platform.project(self.params["project"], self.user.email)

    def managed_project(self) -> "Project":
        """The project of the path, which the caller must be admin or team manager of."""
        project = self.project()
        project.require_manager(self.user.email)
        return project

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean of the query; the SDK writes them `True` and `False`."""
        value = self.query.get(name)
        return default if value is None else value.lower() == "true"

    def number(self, name: str, default: float) -> float:
        """A number of the query.

        Raises:
            InvalidArgumentsError: when it is none.
        """
        try:
            return float(self.query.get(name, default))
        except ValueError:
            raise InvalidArgumentsError(f"{name} must be a number") from None

    def field(self, name: str) -> Any:
        """A key that the body must have.

        Raises:
            InvalidArgumentsError: when it has not.
        """
        if name not in self.body:
            raise InvalidArgumentsError(f"{name}: field required")
        return self.body[name]

    def names(self, name: str) -> list[str]:
        """A key that the body must have, and that is a list of texts.

        Raises:
            InvalidArgumentsError: when it is not.
        """
        return _texts(self.field(name), name)


@dataclass(frozen=True, slots=True)
class LegacyCall:
    """A request to the legacy endpoint; `resource` is the hash of its ResourceID header, `sent` its payload."""

    emulator: "Emulator"
    user: "User"
    base_url: str
    resource: str
    uid: Any
    sent: Any

    @property
    def payload(self) -> dict[str, Any]:
        """The payload of a request that sends an object, or nothing at all."""
        return _object(self.sent, "The payload")

    @property
    def records(self) -> list[dict[str, Any]]:
        """The payload of a request that sends a list of objects."""
        return _objects(self.sent, "The payload")

    @property
    def platform(self) -> "Platform":
        """The platform's state."""
        return self.emulator.platform

    def refuse_more_than_a_bundle(self, sent: Sized) -> None:
        """Refuses a request that does more at a time than the SDK ever puts into one bundle.

        Raises:
            InvalidArgumentsError: when it does.
        """
        _refuse_more_than(self.platform.switches.largest_bundle, sent)

    def project(self) -> "Project":
        """The project that the request is about, which the caller must be in."""
        return self.platform.project(self.resource, self.user.email)

    def managed_project(self) -> "Project":
        """The project that the request is about, which the caller must be admin or team manager of."""
        project = self.project()
        project.require_manager(self.user.email)
        return project

    def dataset(self) -> "Dataset":
        """The dataset that the request is about, which the caller must have access to."""
        return self.platform.dataset(self.resource, self.user.email)

    def uids(self) -> list[str]:
        """The uid as a list, as most requests of several things send it."""
        return [str(uid) for uid in self.uid] if isinstance(self.uid, list) else [str(self.uid)]

    def uid_fields(self) -> dict[str, Any]:
        """The uid of the few requests that send an object there."""
        return _object(self.uid, "The uid")


def _refuse_more_than(most: int, sent: Sized) -> None:
    if len(sent) > most:
        raise InvalidArgumentsError(f"At most {most:,} can be sent in one request; these are {len(sent):,}")


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidArgumentsError(f"{what} must be an object")
    return value


def _objects(value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InvalidArgumentsError(f"{what} must be a list of objects")
    return value


def _texts(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidArgumentsError(f"{what} must be a list of texts")
    return value
