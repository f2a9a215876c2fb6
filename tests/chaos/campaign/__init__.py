"""A campaign: real processes under seeded faults, with people who work on meanwhile; then it all must come to rest."""
