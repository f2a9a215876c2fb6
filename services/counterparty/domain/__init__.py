"""Buyers and their accounting records, pure: a deal's requests, and the parties that answer them."""
