"""Tests of the simulated providers of the state register."""
