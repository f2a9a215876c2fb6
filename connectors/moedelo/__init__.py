"""MoeDelo: bills and closing documents by an API key or OAuth."""
