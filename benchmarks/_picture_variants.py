"""Base pictures that packages ship, and faulty or near-duplicate variants made of them.

Base pictures come from scikit-image, scikit-learn and Debian's packages gnome-backgrounds, mate-backgrounds,
plasma-workspace-wallpapers, lomiri-wallpapers-16.04 and -20.04, ukui-wallpapers, from the folders in CURATE_PICTURES
(separated by colons) or where those packages install them. They are split by base picture: cuts were looked at on the
first half, the tables use the second.
"""

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

SIDE = 1280
SYSTEM = ("/usr/share/backgrounds", "/usr/share/wallpapers")
LEFT_OUT = (
    # transparent overlays, nothing on white
    "Arc-Colors-Transparent-Wallpaper", "Gulp", "MATE-Stripes-Dark", "MATE-Stripes-Light", "Silk", "Spring", "Waves",
    # the same picture in another size or colour
    "Elephants", "Elephants_5640x3172", "Ubuntu-Mate-Radioactive-no-logo", "Ubuntu-Mate-Warm-no-logo",
    "Ubuntu-Mate-Dark-no-logo", "chessboard_RGB", "motorcycle_right", "wood-d", "licorice-d", "symbolic-d", "grid-d",
    "truchet-d", "pixels-d", "adwaita-d",
)  # fmt: skip
UNDECIDED = {
    "blurred": (
        "clock_motion", "DarkestHour", "Elarun", "fluent-color", "umang_by_Abhishek_Mudgal", "summer_1am", "cell",
        "Ubuntu-Mate-Cold-no-logo", "color", "Aqua", "Fossa_by_Jasper_Roks", "Stripes",
    ),
    "overexposed": ("horse", "logo", "GreenTraditional", "chessboard_GRAY", "free_by_Peter_Nerlich", "licorice-l",
                    "Kleiber_by_Lukas_Baubkus", "ihc"),
    "dark": ("Ubuntu-Mate-Cold-no-logo", "phantom", "hubble_deep_field"),
    "flat": ("symbolic-l",),
}  # fmt: skip
"""Base pictures that have the fault themselves, or may have it, by eye: they count neither way for that list."""
FAULTS = ("blurred", "overexposed", "dark", "flat", "odd-size", "odd-shape", "rotated", "misnamed", "unreadable")
COPIES = ("jpeg40", "half", "crop90", "crop60", "light30", "mirror")


def base_pictures() -> dict[str, Path]:
    """One file of each base picture by name, the largest."""
    found: dict[str, tuple[int, Path]] = {}
    for folder in _folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in {".jpg", ".png", ".webp"} or not path.is_file():
                continue
            name = path.stem
            if "wallpapers" in path.parts:
                name = path.parts[len(path.parts) - 1 - path.parts[::-1].index("wallpapers") + 1]
                if "screenshot" in path.name or any("dark" in part for part in path.parts[-3:-1]):
                    continue
            if "backgrounds" in path.parts and path.stat().st_size < 60_000:
                continue
            if name not in LEFT_OUT and found.get(name, (0, path))[0] < path.stat().st_size:
                found[name] = (path.stat().st_size, path)
    return {name: path for name, (_, path) in sorted(found.items())}


def _folders() -> list[Path]:
    given = os.environ.get("CURATE_PICTURES", "")
    found = [Path(part) for part in given.split(":") if part] or [Path(one) for one in SYSTEM]
    for package, inside in (("skimage", "data"), ("sklearn", "datasets/images")):
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            found.append(Path(spec.origin).parent / inside)
    return [folder for folder in found if folder.is_dir()]


def is_held_out(name: str) -> bool:
    """Whether a base picture is of the half that the tables use."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


def opened(path: Path) -> Image.Image:
    """RGB of at most `SIDE` pixels."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return picture


def with_faults(name: str, picture: Image.Image, folder: Path) -> Iterator[tuple[str, str]]:
    """Write the base picture and one variant with each fault; yields file name and fault (empty: none)."""
    picture.save(folder / f"{name}.jpg", quality=92)
    yield f"{name}.jpg", ""
    scale = max(picture.size) / SIDE
    strong = {
        "blurred": picture.filter(ImageFilter.GaussianBlur(5 * scale)),
        "overexposed": ImageEnhance.Brightness(picture).enhance(3),
        "dark": ImageEnhance.Brightness(picture).enhance(0.08),
        "flat": ImageEnhance.Contrast(picture).enhance(0.03),
        "odd-size": picture.resize((max(picture.width // 12, 1), max(picture.height // 12, 1))),
        "odd-shape": picture.crop((0, picture.height // 2, picture.width, picture.height // 2 + picture.width // 5)),
    }
    for fault, made in strong.items():
        made.save(folder / f"{name}-{fault}.jpg", quality=92)
        yield f"{name}-{fault}.jpg", fault
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / f"{name}-rotated.jpg", quality=92, exif=exif)
    yield f"{name}-rotated.jpg", "rotated"
    picture.save(folder / f"{name}-misnamed.jpg", "PNG")
    yield f"{name}-misnamed.jpg", "misnamed"
    content = (folder / f"{name}.jpg").read_bytes()
    (folder / f"{name}-unreadable.jpg").write_bytes(content[: len(content) * 2 // 3])
    yield f"{name}-unreadable.jpg", "unreadable"


def with_copies(name: str, picture: Image.Image, folder: Path) -> Iterator[tuple[str, str]]:
    """Write the base picture and near-duplicates of it; yields file name and kind of copy (empty: the picture)."""
    picture.save(folder / f"{name}.jpg", quality=92)
    yield f"{name}.jpg", ""
    width, height = picture.size

    def cropped(share: float) -> Image.Image:
        left, top = width * (1 - share) / 2, height * (1 - share) / 2
        return picture.crop((int(left), int(top), int(width - left), int(height - top)))

    made = {
        "jpeg40": picture,
        "half": picture.resize((max(width // 2, 1), max(height // 2, 1))),
        "crop90": cropped(0.9),
        "crop60": cropped(0.6),
        "light30": ImageEnhance.Brightness(picture).enhance(1.3),
        "mirror": ImageOps.mirror(picture),
    }
    for kind, copy in made.items():
        copy.save(folder / f"{name}-{kind}.jpg", quality=40 if kind == "jpeg40" else 92)
        yield f"{name}-{kind}.jpg", kind
