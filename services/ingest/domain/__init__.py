"""Deals and their triggers, tenants, and the buckets of vendor accounts, pure."""
