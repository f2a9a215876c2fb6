"""Simulated Kontur.Focus: requisites by INN, and what is spent of the contract."""
