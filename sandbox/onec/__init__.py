"""Bases of 1C:Accounting 3.0 behind their standard OData interface."""
