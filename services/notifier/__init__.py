"""Every write to the CRM and every message to a person, in order, in plain words."""
