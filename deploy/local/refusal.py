"""The one kind of error that this package raises towards people."""


class Refusal(Exception):  # noqa: N818 - it is an answer to a person, shown without a trace
    """A reason why nothing was started or stopped, in sentences that say what to do. Shown to the user as it is."""
