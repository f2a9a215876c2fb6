"""The product through its public commands: one installation a session, scenarios with tenants of their own."""
