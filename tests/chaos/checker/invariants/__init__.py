"""The invariants by what they are about; each is a function of plain data that gives its violations."""
