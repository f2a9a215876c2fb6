"""What every simulated vendor stands on: ledger, business clock, faults, limits, HTTP, control API."""
