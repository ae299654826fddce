"""MkDocs hooks: a link out of docs/ becomes the path of the file, and nothing is loaded from another host.

Pages can be read from the disk. The search needs a web server on this machine: `make site` says how.
"""

import re
from typing import Any

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>(?:\.\./)+(?P<path>[^)#]+)(?:#[^)]*)?)\)")
_FOREIGN_SCRIPT = re.compile(r'<script src="https?://[^"]+"></script>')
_FENCE_ATTRIBUTES = re.compile(r"^(```\w+) \{[^}\n]*\}$", re.MULTILINE)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page's Markdown as the site shows it. `page.file.src_uri` is its path inside docs/."""
    depth = page.file.src_uri.count("/")

    def outside(match: re.Match[str]) -> str:
        above = match["target"].count("../")
        return f"{match['text']} (`{match['path']}`)" if above > depth else match[0]

    # The attributes of a code block tell tests where it belongs.
    return _FENCE_ATTRIBUTES.sub(r"\1", _LINK.sub(outside, markdown))


def on_post_page(output: str, **_: Any) -> str:
    """The page without scripts of other hosts; the theme adds one for searching pages on a disk."""
    return _FOREIGN_SCRIPT.sub("", output)


def on_post_template(output_content: str, **_: Any) -> str:
    """The same for the page that says that there is no page."""
    return _FOREIGN_SCRIPT.sub("", output_content)
