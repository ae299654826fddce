"""The five kinds of cloud storage, recognised by the URLs of their objects.

Sources: the S3, Multi-Region Access Point, Cloud Storage, Blob Storage and OBS documentation of virtual-hosted and
path-style addresses; `encord.orm.storage.CloudSyncedFolderParams` for `s3://` and `gs://`.
"""

import re
from enum import StrEnum
from urllib.parse import quote


class Location(StrEnum):
    """The storage of the objects."""

    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"
    OTC = "otc"
    S3_MULTI_REGION = "s3-multi-region"

    @property
    def example(self) -> str:
        """An example of an object's URL."""
        return _EXAMPLES[self]


_EXAMPLES = {
    Location.S3: "https://BUCKET.s3.REGION.amazonaws.com/KEY or s3://BUCKET/KEY",
    Location.GCS: "gs://BUCKET/KEY or https://storage.googleapis.com/BUCKET/KEY",
    Location.AZURE: "https://ACCOUNT.blob.core.windows.net/CONTAINER/KEY",
    Location.OTC: "https://BUCKET.obs.REGION.otc.t-systems.com/KEY",
    Location.S3_MULTI_REGION: (
        "https://ALIAS.mrap.accesspoint.s3-global.amazonaws.com/KEY or s3://arn:aws:s3::ACCOUNT:accesspoint/ALIAS.mrap/KEY"
    ),
}

_FORMS: dict[Location, re.Pattern[str]] = {
    Location.S3_MULTI_REGION: re.compile(
        r"https://[a-z0-9]+\.mrap\.accesspoint\.s3-global\.amazonaws\.com/.+"
        r"|s3://arn:aws[a-z-]*:s3::\d{12}:accesspoint/[a-z0-9]+\.mrap/.+"
    ),
    Location.S3: re.compile(
        r"https://(?![^/]*\.accesspoint\.s3-global\.)(?:[a-z0-9.-]+\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?/.+|s3://[a-z0-9][a-z0-9.-]+/.+"
    ),
    Location.GCS: re.compile(
        r"gs://[a-z0-9][a-z0-9._-]+/.+|https://storage\.(?:googleapis|cloud\.google)\.com/[^/]+/.+"
        r"|https://[a-z0-9._-]+\.storage\.googleapis\.com/.+"
    ),
    Location.AZURE: re.compile(
        r"https://[a-z0-9-]+\.blob\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)/[^/]+/.+"
    ),
    Location.OTC: re.compile(r"https://(?:[a-z0-9.-]+\.)?obs\.[a-z0-9-]+\.otc\.t-systems\.com/.+"),
}


def is_at(url: str, location: Location) -> bool:
    """Whether the URL has the form of that storage."""
    return _FORMS[location].fullmatch(url) is not None


def object_url(base: str, path: str) -> str:
    """The URL of the object at a path below a base URL.

    Paths are percent-encoded in `https` URLs, where a space or `#` has another meaning; `s3://` and `gs://` use keys
    unchanged.
    """
    separator = "" if base.endswith("/") else "/"
    return f"{base}{separator}{quote(path) if base.startswith('https://') else path}"
