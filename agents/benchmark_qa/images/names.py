"""Parse names of images, so that two spellings of one name compare equal.

`\\` becomes `/`, letters get one Unicode form (NFC), a URL is decoded and loses its signature, and an object of S3 or
Google Cloud Storage gets one address. A local name `a%20b.jpg` is not decoded. Case matters.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


_SIGNATURE = re.compile(
    r"(x-amz-|x-goog-|x-oss-).*|awsaccesskeyid|googleaccessid|signature|expires|key-pair-id|policy|token|"
    r"response-content-.*|sv|se|sr|sp|sig|st|spr|skoid|sktid|skt|ske|sks|skv|alt|generation",
    re.IGNORECASE,
)
"""URL parameters for signatures and serving; they do not identify the image."""


_S3_OF_BUCKET = re.compile(r"(?P<bucket>.+)\.s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")


_S3_BY_PATH = re.compile(r"s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")


_GCS_OF_BUCKET = re.compile(r"(?P<bucket>.+)\.storage\.googleapis\.com")


_GCS_BY_PATH = frozenset({"storage.googleapis.com", "storage.cloud.google.com"})


_WITH_HASH = re.compile(
    r"(?:.*_)?(?P<hash>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:_f\d{6,})?", re.IGNORECASE | re.DOTALL
)


_OF_ROBOFLOW = re.compile(r"(?P<stem>.+)_(?P<ending>[A-Za-z0-9]{2,5})\.rf\.[0-9A-Za-z]{8,40}\.[A-Za-z0-9]+")


_OF_LABEL_STUDIO = re.compile(r"[0-9a-f]{8}-(?P<name>.+)")


_PORTS = re.compile(r":(80|443)$")


@dataclass(frozen=True, slots=True)
class Name:
    """A parsed name of an image, from `Name.of`."""

    text: str
    """The name as given, in NFC."""
    host: str
    """Server of a URL, or `s3://bucket`; empty for local names."""
    parts: tuple[str, ...]
    """Folders, then the file."""
    query: tuple[tuple[str, str], ...] = ()
    """Query of a URL, without its signature."""

    @staticmethod
    def of(text: str) -> "Name":
        """Parse a name.

        >>> Name.of("C:\\\\val\\\\im1.jpg").parts
        ('C:', 'val', 'im1.jpg')
        >>> Name.of("https://bucket.s3.eu-west-1.amazonaws.com/x/a%20b.jpg?X-Amz-Date=2").parts
        ('x', 'a b.jpg')
        """
        return _taken_apart(text)

    @property
    def file(self) -> str:
        """The last part."""
        return self.parts[-1] if self.parts else ""

    @property
    def stem(self) -> str:
        """The last part without its extension."""
        stem, dot, _ = self.file.rpartition(".")
        return stem if dot and stem else self.file

    @property
    def data_hash(self) -> str | None:
        """The data hash in the file name: `HASH.jpg`, `TITLE_HASH.jpg`, `TITLE_HASH_f000012.jpg`."""
        found = _WITH_HASH.fullmatch(self.stem)
        return found["hash"].lower() if found else None

    @property
    def original(self) -> str | None:
        """The file's name before Roboflow (`a_jpg.rf.HASH.jpg`) or Label Studio (`0a1b2c3d-a.jpg`) renamed it."""
        found = _OF_ROBOFLOW.fullmatch(self.file)
        if found:
            return f"{found['stem']}.{found['ending']}"
        found = _OF_LABEL_STUDIO.fullmatch(self.file)
        return found["name"] if found else None

    def folded(self) -> "Name":
        """The same name without upper and lower case."""
        return Name(self.text, self.host.casefold(), tuple(part.casefold() for part in self.parts), self.query)

    def agrees(self, other: "Name") -> bool:
        """Whether two names may mean one image.

        A shorter name agrees with a longer one: `a.jpg` with `train/a.jpg`, `train/a.jpg` with `/data/train/a.jpg`; but
        `train/a.jpg` does not agree with `val/a.jpg`. Two URLs agree if they are the same.
        """
        if self.host and other.host and (self.host != other.host or self.parts != other.parts):
            return False
        if self.query and other.query and self.query != other.query:
            return False
        shared = min(len(self.parts), len(other.parts))
        return shared > 0 and self.parts[-shared:] == other.parts[-shared:]


@lru_cache(maxsize=100_000)
def _taken_apart(text: str) -> Name:
    whole = unicodedata.normalize("NFC", text)
    if not _URL.match(whole):
        return Name(whole, "", _folders(whole.replace("\\", "/").split("/")))
    try:
        url = urlsplit(whole)
        host, path = _address(url)
    except ValueError:  # brackets that are not an address
        return Name(whole, "", _folders(whole.split("/")))
    parts = _folders(unicodedata.normalize("NFC", unquote(part)) for part in path.split("/"))
    query = tuple(sorted((key, value) for key, value in parse_qsl(url.query) if not _SIGNATURE.fullmatch(key)))
    return Name(whole, host, parts, query)


def _address(url: SplitResult) -> tuple[str, str]:
    """Server and path of a URL; for an object store, `s3://bucket` or `gs://bucket` and the key."""
    scheme, host = url.scheme.lower(), _PORTS.sub("", url.netloc.rpartition("@")[2].lower())
    path = url.path
    if scheme == "file":
        return "", path
    if scheme in ("s3", "s3a", "s3n"):
        return f"s3://{host}", path if not url.fragment else f"{path}#{url.fragment}"
    if scheme in ("gs", "gcs"):
        return f"gs://{host}", path if not url.fragment else f"{path}#{url.fragment}"
    for store, of_bucket in (("s3", _S3_OF_BUCKET), ("gs", _GCS_OF_BUCKET)):
        found = of_bucket.fullmatch(host)
        if found:
            return f"{store}://{found['bucket']}", path
    for store, by_path in (("s3", _S3_BY_PATH.fullmatch(host) is not None), ("gs", host in _GCS_BY_PATH)):
        if by_path:
            bucket, _, key = path.lstrip("/").partition("/")
            return f"{store}://{bucket.lower()}", key
    return f"//{host}", path


def _folders(parts: Iterable[str]) -> tuple[str, ...]:
    """The parts without empty ones; `..` removes the folder before it."""
    kept: list[str] = []
    for part in parts:
        if part in ("", "."):
            continue
        if part != "..":
            kept.append(part)
        elif kept:
            kept.pop()
    return tuple(kept)
