"""The simulated Kontur.Accounting."""
