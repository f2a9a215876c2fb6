"""Tests of counterparty."""
