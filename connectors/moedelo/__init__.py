"""MoeDelo: bills and acts by an API key or OAuth."""
