"""Simulated Elba accounts: counterparties, invoices, payments, acts, as an integrator meets them."""
