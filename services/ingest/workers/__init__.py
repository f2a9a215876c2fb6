"""Ingest's due work: deals are read, stage histories swept, tenants checked."""
