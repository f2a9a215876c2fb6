"""Tests of the Bitrix24 connector."""
