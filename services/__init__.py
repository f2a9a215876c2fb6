"""The services; each owns its database and its event log, and none imports another."""
