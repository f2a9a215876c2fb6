"""A deal's whole story as people read it: facts, effects with every attempt, CRM writes and messages, in order."""

from sverka.story.telling import tell

__all__ = ["tell"]
