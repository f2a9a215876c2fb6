"""Benchmarks of the product, each driving it through its public face; results are recorded in ``results/``."""
