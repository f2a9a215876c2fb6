"""Several processes that need a new token of one account at once, and an authorisation server that takes each refresh
token once."""
