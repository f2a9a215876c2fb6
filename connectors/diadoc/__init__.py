"""Kontur.Diadoc: electronic documents by its HTTP API in JSON."""
