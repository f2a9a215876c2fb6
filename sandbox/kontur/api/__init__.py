"""The calls of the API, a file each for what belongs together."""
