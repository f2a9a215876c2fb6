"""The calls of MoeDelo's API, one module per resource."""
