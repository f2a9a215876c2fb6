"""Kills the services at named points of a deal's way, and lets people work on meanwhile."""
