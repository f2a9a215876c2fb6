"""Runs a whole installation on one machine: its own PostgreSQL, its own Apache Kafka, and the services over them."""
