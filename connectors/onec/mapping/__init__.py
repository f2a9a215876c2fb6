"""A base's objects ↔ canonical DTOs, both ways; pure."""
