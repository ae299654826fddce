"""The report as one HTML file: no network, light and dark, small screens, screen readers."""
