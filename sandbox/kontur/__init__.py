"""Simulated Kontur.Accounting accounts, by this project's contract: the vendor publishes no description."""
