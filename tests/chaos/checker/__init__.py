"""The checker of campaigns: imports nothing of the product and reads what is left of a run, as a stranger would."""
