"""A self-contained page in a real browser, watched while it opens."""

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

SIZES = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]


class Watched:
    """A page that keeps everything that goes wrong."""

    def __init__(self, browser: Browser, folder: Path, content: bytes, *, width: int, scheme: Any) -> None:
        self.complaints: list[str] = []
        path = folder / "page.html"
        path.write_bytes(content)
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note_request)
        self.page.goto(path.as_uri())
        self.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.complaints.append(f"asked for {request.url}")

    def violations(self) -> list[str]:
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]
