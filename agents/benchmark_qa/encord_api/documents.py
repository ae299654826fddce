"""Label row JSON in bundles of bounded size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from encord.client import EncordClientProject

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.errors import AnswerTooLarge, NotFoundOnPlatform
from benchmark_qa.encord_api.sdk_internals import bodies_up_to, largest_body, last_answer

FIRST_BUNDLE_ROWS = 100
"""Label rows in the first request, before their size is known."""


BUNDLE_BYTES = 16 * 1024 * 1024
"""Approximate bytes of label row JSON per request."""


MOST_BUNDLE_BYTES = 4 * BUNDLE_BYTES
"""Most bytes of an answer with several label rows: the next rows may be much larger than those before."""


@dataclass(frozen=True)
class Documents:
    """Label rows from Encord by label hash, and the total size of the answers."""

    rows: Mapping[str, Mapping[str, Any]]
    size: int

    @property
    def bytes_per_row(self) -> float:
        """Average bytes per row."""
        return self.size / max(len(self.rows), 1)

    @classmethod
    def of(cls, client: EncordClientProject, label_hashes: Sequence[str]) -> Self:
        """Fetch label rows. 1 request; about 2 log2(n) more for a row that is not found or far too large.

        Raises:
            AnswerTooLarge: larger than the caller's own limit. Without one, a single row is never too large.
        """
        alone, may_read = len(label_hashes) == 1, largest_body()
        try:
            with bodies_up_to(MOST_BUNDLE_BYTES if may_read is None and not alone else may_read):
                # The dictionary as received: `LabelRowV2` would spend 20 to 40 microseconds per box on objects that
                # scoring does not need, and `Project.get_label_rows` is deprecated because it expands them differently.
                rows = retries.call(lambda: client.get_label_rows(list(label_hashes), get_signed_url=False))
        except NotFoundOnPlatform:
            return cls({}, 0) if alone else cls._by_halves(client, label_hashes)
        except AnswerTooLarge:
            if may_read is not None:
                raise
            return cls._by_halves(client, label_hashes)
        answer = last_answer()
        size = answer.size if answer else len(rows) * BUNDLE_BYTES // FIRST_BUNDLE_ROWS
        return cls({str(row["label_hash"]): row for row in rows}, size)

    @classmethod
    def _by_halves(cls, client: EncordClientProject, label_hashes: Sequence[str]) -> Self:
        half = len(label_hashes) // 2
        first, second = cls.of(client, label_hashes[:half]), cls.of(client, label_hashes[half:])
        return cls({**first.rows, **second.rows}, first.size + second.size)
