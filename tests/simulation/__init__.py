"""The five services without Kafka, Postgres and vendors: in one process, by a seeded scheduler and a virtual clock."""
