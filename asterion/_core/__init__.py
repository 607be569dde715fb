"""Floor 0, the rules: pure and synchronous; no clock, files, environment or event loop."""
