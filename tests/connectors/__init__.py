"""Tests of the vendors' connectors."""
