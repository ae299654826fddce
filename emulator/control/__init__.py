"""The control interface: what a test or a demo sees and steers, which the real platform does not have."""
