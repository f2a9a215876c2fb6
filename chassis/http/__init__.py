"""Calls to the outside over HTTP: guarded addresses, bounded answers, and the moment of the first byte."""

from chassis.http.addresses import AddressPolicy, AddressRefused
from chassis.http.client import Answer, Call, NotSent, SentUnknown, VendorHttp, as_read, as_write
from chassis.http.transport import first_byte_hook, internal_client

__all__ = [
    "AddressPolicy",
    "AddressRefused",
    "Answer",
    "Call",
    "NotSent",
    "SentUnknown",
    "VendorHttp",
    "as_read",
    "as_write",
    "first_byte_hook",
    "internal_client",
]
