"""Ten thousand pairs of names, each with an answer that is known beforehand: the same image, or not."""

import random
import unicodedata
from urllib.parse import quote

import pytest

from benchmark_qa.images.identity import Asked, ImageIndex, KnownImage, Match

PARTS = ("cam1", "cam2", "Bilder", "süß", "a b", "a%20b", "x+y", "#1", "日本", "é", "A", "a", "0001", "1")
ENDINGS = (".jpg", ".JPG", ".png", ".jpeg")
SIGNATURES = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Signature=ab12",
    "AWSAccessKeyId=AK&Signature=x%2By%3D&Expires=1767225600",
    "GoogleAccessId=a%40b&Expires=1&Signature=zz",
    "sv=2024-01-01&se=2026-01-01&sr=b&sp=r&sig=abc%3D",
)


def path_of(rng: random.Random) -> list[str]:
    folders = [rng.choice(PARTS) for _ in range(rng.randint(1, 3))]
    return [*folders, rng.choice(PARTS) + rng.choice(ENDINGS)]


def encoded(parts: list[str]) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def same(parts: list[str], rng: random.Random) -> tuple[str, str]:
    """Two ways of writing one image."""
    local, bucket, region = "/".join(parts), rng.choice(("pics", "my.bucket")), rng.choice(("", ".eu-west-1"))
    pairs = [
        (local, unicodedata.normalize(rng.choice(("NFC", "NFD")), local)),
        (local, "C:\\data\\" + "\\".join(parts)),
        (local, "./" + local.replace("/", "//")),
        (local, f"/mnt/{rng.choice(PARTS)}/{local}"),
        (local, "/".join(parts[-rng.randint(1, len(parts)) :])),
        (f"s3://{bucket}/{local}", f"https://{bucket}.s3{region}.amazonaws.com/{encoded(parts)}"),
        (f"s3://{bucket}/{local}", f"https://s3{region}.amazonaws.com/{bucket}/{encoded(parts)}"),
        (f"gs://{bucket}/{local}", f"https://storage.googleapis.com/{bucket}/{encoded(parts)}"),
        (f"https://h.example/{encoded(parts)}", f"https://h.example/{encoded(parts)}?{rng.choice(SIGNATURES)}"),
        (f"https://h.example/{encoded(parts)}?{rng.choice(SIGNATURES)}", f"https://H.example:443/{encoded(parts)}"),
    ]
    # In s3:// a `#` may begin a fragment, and a `%20` may stand for itself or for a space: no rule can tell.
    one, other = rng.choice(pairs[:5] if "#" in local or "%" in local else pairs)
    return (one, other) if rng.random() < 0.5 else (other, one)


def another(parts: list[str], rng: random.Random) -> tuple[str, str]:
    """Two names that look alike and are two images."""
    local, name = "/".join(parts), parts[-1]
    changed = [part.swapcase() for part in parts]
    pairs = [
        (local, "/".join([f"other{rng.randint(1, 9)}", name])),  # the same tail in another folder
        (local, "/".join([*parts[:-2], f"not{parts[-2]}", name])),
        (f"s3://one/{local}", f"s3://two/{local}"),
        (f"https://h.example/{encoded(parts)}?id=1", f"https://h.example/{encoded(parts)}?id=2"),
        (local, local.replace(" ", "%20") if " " in local else f"{local}x"),  # a local name is not decoded
        (local, name.rpartition(".")[0] + ".gif"),
    ]
    if changed != parts:
        pairs += [(local, "/".join(changed))] * 3
    return rng.choice(pairs)


@pytest.mark.parametrize("seed", range(4))
def test_of_ten_thousand_pairs_the_same_are_found_and_the_others_are_not(seed: int) -> None:
    """A refusal names what was asked and, if there is a near miss, the other name."""
    rng = random.Random(seed)
    wrong: list[tuple[str, str, str]] = []
    refused = 0
    for _ in range(1_250):
        parts = path_of(rng)
        one, other = same(parts, rng)
        outcome = ImageIndex([KnownImage((one,))]).find(Asked((other,)))
        if not isinstance(outcome, Match):
            wrong.append(("not found", one, other))
        one, other = another(parts, rng)
        outcome = ImageIndex([KnownImage((one,))]).find(Asked((other,)))
        if isinstance(outcome, Match):
            wrong.append(("found", one, other))
            continue
        refused += 1
        near = outcome.contradicts
        assert unicodedata.normalize("NFC", other) in unicodedata.normalize("NFC", str(outcome))
        assert not near or unicodedata.normalize("NFC", one) in unicodedata.normalize("NFC", outcome.reason)
    assert wrong == []
    assert refused > 1_200


def test_a_name_that_fits_but_for_case_is_refused_with_both_named() -> None:
    outcome = ImageIndex([KnownImage(("cam1/Über.JPG",))]).find(Asked(("cam1/über.jpg",)))
    assert not isinstance(outcome, Match)
    assert outcome.contradicts
    assert str(outcome) == "'cam1/über.jpg' is 'cam1/Über.JPG' but for upper and lower case"
