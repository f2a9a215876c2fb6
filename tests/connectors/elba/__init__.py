"""Tests of the Elba connector."""
