"""Kontur.Accounting."""
