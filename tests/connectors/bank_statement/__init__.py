"""Tests of the reader of bank statement files."""
