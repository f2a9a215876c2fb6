"""1C:Accounting 3.0 over its standard OData interface."""
