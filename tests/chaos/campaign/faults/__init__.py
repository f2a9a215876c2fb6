"""The faults of a campaign by family; the catalogue and what is not in it stand in the folder's README."""
