"""Tests of benchmarks: that they run; what they measure is in their results."""
