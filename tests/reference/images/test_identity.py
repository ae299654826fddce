"""Names of very many images."""

import random
import unicodedata

from benchmark_qa.images.identity import Asked, ImageIndex, KnownImage, Match
from benchmark_qa.images.names import Name

FOLDERS = ("", "train", "val", "cam1", "cam2", "data/train", "Bilder/süß")


FILES = ("0001.jpg", "1.jpg", "a b.jpg", "a%20b.jpg", "über.png", "Über.png", "im#1.jpg", "x+y.jpg")


def spellings(path: str, rng: random.Random) -> str:
    """The same image in another way of writing."""
    way = rng.randrange(7)
    if way == 0:
        return unicodedata.normalize("NFD", path)
    if way == 1:
        return "C:\\daten\\" + path.replace("/", "\\")
    if way == 2:
        return "/mnt/disk/" + path
    if way == 3:
        return "./" + path.replace("/", "//")
    quoted = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "/._") else
                     "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in path)  # fmt: skip
    if way == 4:
        return f"https://bucket.s3.amazonaws.com/{quoted}?X-Amz-Signature={rng.random()}"
    return f"https://bucket.s3.eu-west-1.amazonaws.com/{quoted}" if way == 5 else path


def test_of_ten_thousand_names_none_is_matched_wrongly() -> None:
    """Whatever is found is the image that was meant, or one that no name tells apart from it; refusals name both."""
    rng = random.Random(17)
    matches = refusals = 0
    for _ in range(2_500):
        paths = sorted({f"{folder}/{file}".lstrip("/") for folder, file in
                        zip(rng.choices(FOLDERS, k=5), rng.choices(FILES, k=5), strict=True)})  # fmt: skip
        index = ImageIndex([KnownImage((path,)) for path in paths])
        for _ in range(4):
            truly = f"{rng.choice(FOLDERS)}/{rng.choice(FILES)}".lstrip("/")
            asked = spellings(truly, rng)
            outcome = index.find(Asked((asked,)))
            if isinstance(outcome, Match):
                matches += 1
                meant, taken = truly.split("/"), paths[outcome.at].split("/")
                shared = min(len(meant), len(taken))
                assert meant[-shared:] == taken[-shared:], (asked, paths)
                assert truly not in paths or paths[outcome.at] == truly, (asked, paths)
            else:
                refusals += 1
                assert truly not in paths, (asked, paths, str(outcome))
                assert repr(Name.of(asked).text) in str(outcome) or repr(asked) in str(outcome)
                assert not outcome.contradicts or any(repr(path) in outcome.reason for path in paths)
    assert matches > 2_000
    assert refusals > 2_000
