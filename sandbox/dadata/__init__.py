"""Simulated DaData: suggestions by INN, banks by BIC, statistics of the day."""
