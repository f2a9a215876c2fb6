"""The product under faults: real processes are killed and cut off, and everything still ends as planned."""
