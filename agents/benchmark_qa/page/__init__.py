"""Shared parts of HTML pages: template environment, style, script, plots as SVG."""
