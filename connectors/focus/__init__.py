"""Kontur.Focus: companies and entrepreneurs of the state register by INN."""
