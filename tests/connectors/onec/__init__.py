"""The connector to 1C:Accounting."""
