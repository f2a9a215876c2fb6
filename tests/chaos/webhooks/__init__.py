"""A real ingest on a real PostgreSQL, both to be killed, and the portals that post to it."""
