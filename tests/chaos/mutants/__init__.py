"""Builds that are broken on purpose: a rig that finds none of them proves nothing by finding nothing."""
