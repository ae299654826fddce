"""What a handler is given: the platform, who calls, and the request's parts."""

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
    """A v2 request (or one to the control interface, where nobody is the caller)."""

    emulator: "Emulator"
    user: "User"
    base_url: str
    params: dict[str, str]
    query: QueryParams
    body: Any

    @property
    def platform(self) -> "Platform":
        """The platform's state."""
        return self.emulator.platform

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

    def field(self, name: str) -> Any:
        """A key that the body must have.

        Raises:
            InvalidArgumentsError: when it has not.
        """
        if not isinstance(self.body, dict) or name not in self.body:
            raise InvalidArgumentsError(f"{name}: field required")
        return self.body[name]


@dataclass(frozen=True, slots=True)
class LegacyCall:
    """A request to the legacy endpoint; `resource` is the hash of its ResourceID header."""

    emulator: "Emulator"
    user: "User"
    base_url: str
    resource: str
    uid: Any
    payload: dict[str, Any]

    @property
    def platform(self) -> "Platform":
        """The platform's state."""
        return self.emulator.platform

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
