"""Messages in and out: the consumer with its inbox, dead letters, the outbox relay, republishing."""
