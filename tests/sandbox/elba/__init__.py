"""Tests of the simulated Elba accounts."""
