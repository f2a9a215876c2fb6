"""Elba (SKB Kontur), profile ``vendor``: the published Elba Public API v1 with an API key."""
