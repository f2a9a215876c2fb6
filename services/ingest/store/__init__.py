"""All SQL of the service: webhooks, connections with their secrets, buckets, and reads across deals."""
