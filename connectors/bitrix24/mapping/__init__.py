"""Bitrix24's records ↔ canonical DTOs; pure, both ways."""
