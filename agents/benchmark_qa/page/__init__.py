"""The shared half of HTML pages: template environment, style, script, plots as SVG."""
