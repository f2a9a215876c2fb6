"""What a connector needs of HTTP: one call, and a definite word on whether it may have arrived."""

from typing import Protocol

from chassis.http import Answer, Call, NotSent, SentUnknown


class Transport(Protocol):
    """:class:`chassis.http.VendorHttp`, or a stub in a test."""

    async def send(self, call: Call) -> Answer | NotSent | SentUnknown: ...
