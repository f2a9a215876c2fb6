"""Elba (SKB Kontur), profile ``seed``: OAuth client credentials, counterparties, invoices, payments, acts."""
