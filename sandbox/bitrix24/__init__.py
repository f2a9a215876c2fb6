"""A simulated Bitrix24: many portals per process, faithful on the wire, with people who can be played from outside."""
