"""Uploads of local files: a place for the bytes is asked for, they are PUT there, and a job makes items of them."""

from dataclasses import dataclass, field

from emulator.errors import InvalidArgumentsError, ResourceNotFoundError
from emulator.spec import new_uuid
from emulator.world import DataType

LARGEST_BATCH = 200


@dataclass(slots=True, eq=False)
class Upload:
    """A place for the bytes of one file; `uuid` becomes the item's where it is one."""

    kind: DataType
    owner: str
    uuid: str = field(default_factory=new_uuid)
    content: bytes | None = None

    @property
    def key(self) -> str:
        """The object key under which jobs refer to it."""
        return f"encord-emulator/{self.owner}/{self.uuid}"


class Uploads:
    """Every upload that was asked for, by uuid and by object key."""

    def __init__(self) -> None:
        self._by_uuid: dict[str, Upload] = {}
        self._by_key: dict[str, Upload] = {}

    def ask(self, kind: DataType, count: int, owner: str) -> list[Upload]:
        """Makes places for several files."""
        if count < 1:
            raise InvalidArgumentsError("count must be at least 1")
        asked = [Upload(kind, owner) for _ in range(count)]
        for upload in asked:
            self._by_uuid[upload.uuid] = self._by_key[upload.key] = upload
        return asked

    def upload(self, uuid: str) -> Upload:
        """The upload of that uuid."""
        try:
            return self._by_uuid[uuid.lower()]
        except KeyError:
            raise ResourceNotFoundError(f"There is no upload {uuid}") from None

    def of_key(self, key: str) -> Upload | None:
        """The upload of that object key."""
        return self._by_key.get(key)
