"""The report as one HTML file: no network, light and dark, small screens, screen readers."""

from benchmark_qa.reporting.page.render import render_page

__all__ = ["render_page"]
