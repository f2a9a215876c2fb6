"""Tests of what every simulated vendor stands on."""
