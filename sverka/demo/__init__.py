"""A working day on the sandbox: a plan fixed before the start, the day, and a verdict from what the vendors show."""
