"""Simulated vendors (Bitrix24 portals, Elba accounts) over real HTTP, for demonstrations and tests."""
