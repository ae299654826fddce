"""Take a picture of a report's page in Chromium: `make screenshot` makes the one in README.md."""

import shutil
import sys
from pathlib import Path

WIDTH, HEIGHT = 1100, 760


def main(page: Path, picture: Path) -> None:
    """Write the first screen of the page as a PNG file."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the test tools

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("there is no chromium: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(page.resolve().as_uri())
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
