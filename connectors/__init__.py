"""Stateless vendor adapters behind ports: one folder per vendor, one Protocol per capability."""
