"""A consumer on a real broker whose database fails at drawn moments, and what became of every message."""
