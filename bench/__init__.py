"""Benchmarks: each starts what it needs, drives the product through its public face, and records what it measured."""
