"""Several work runners on a real database that are killed and stand still, and a vendor that notes every call."""
