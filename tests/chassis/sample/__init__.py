"""A small service for the chassis' tests: an account adds amounts, and says so."""
