"""The event store under many writers while its server is killed: a history of what everybody saw, and its judgement."""
