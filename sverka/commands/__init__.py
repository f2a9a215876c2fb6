"""One file per command; each registers itself with the application."""
