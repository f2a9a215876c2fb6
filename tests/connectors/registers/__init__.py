"""Tests of providers of the state register."""
