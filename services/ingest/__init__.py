"""Webhooks, tenants, triggers, and leave to call vendors: where everything comes in, and whoever calls out asks."""
