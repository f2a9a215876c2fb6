"""Mutation testing of the code that money depends on: small changes of it, each of which some test must notice."""
