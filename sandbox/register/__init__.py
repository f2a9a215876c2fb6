"""What simulated providers of the state register share: companies, accounts with keys, usage by day."""
