"""The calls of Elba's API, one module per resource."""
