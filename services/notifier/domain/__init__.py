"""What people and the CRM are told: facts, the writes they become, and their order; pure."""
