"""Canonical DTOs and one Protocol per capability: what services know of vendors.

Every method takes the permit (address and token) first and returns an :data:`chassis.outcomes.Outcome`. Money is
integer kopecks, prices and quantities are exact decimals, VAT rates are canonical words, pure dates are dates of the
portal.
"""
