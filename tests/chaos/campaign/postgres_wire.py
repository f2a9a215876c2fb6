"""What goes wrong at COMMIT, put into PostgreSQL's own conversation: a cut, or a refusal with a rollback.

Source: PostgreSQL's documentation, "Frontend/Backend Protocol", messages Query, ErrorResponse, ReadyForQuery.
"""

import random
import struct
from typing import Final

from tests.chaos.campaign.proxy import Connection, Proxy

COMMIT: Final = b"COMMIT\0"
ROLLBACK: Final = b"ROLLBACK\0"
TEXTS: Final = {
    "40001": "could not serialize access due to concurrent update",
    "40P01": "deadlock detected",
}


def cut_commits(proxy: Proxy, chance: random.Random, most: int) -> None:
    """Cuts up to `most` connections at their COMMIT: by a coin the server has got it, or has not."""
    left = most

    def rewrite(connection: Connection, data: bytes) -> bytes | None:
        nonlocal left
        if not left or not is_commit(data):
            return data
        left -= 1
        if chance.random() < 0.5:
            connection.cut_client(data)
        else:
            connection.cut_client(b"")
        return None

    proxy.rewrite_question = rewrite


def refuse_commits(proxy: Proxy, codes: list[str]) -> None:
    """Turns COMMITs into ROLLBACKs that are answered by these SQLSTATEs, one after another."""
    waiting = list(codes)

    def question(connection: Connection, data: bytes) -> bytes | None:
        if not waiting or not is_commit(data) or "refusal" in connection.notes:
            return data
        connection.notes["refusal"] = waiting.pop()
        proxy.touched += 1
        return query(ROLLBACK)

    def answer(connection: Connection, data: bytes) -> bytes | None:
        code = connection.notes.get("refusal")
        if code is None:
            return data
        if not data.endswith(ready()):
            return None  # the rest of the rollback's answer comes
        del connection.notes["refusal"]
        return refusal(code) + ready()

    proxy.rewrite_question, proxy.rewrite_answer = question, answer


def is_commit(data: bytes) -> bool:
    """Whether a block is the one simple query COMMIT."""
    return data == query(COMMIT)


def query(text: bytes) -> bytes:
    """A Query message; `text` ends with its zero byte."""
    return b"Q" + struct.pack(">i", 4 + len(text)) + text


def refusal(code: str) -> bytes:
    """An ErrorResponse."""
    fields = b"".join(
        name + value.encode() + b"\0"
        for name, value in ((b"S", "ERROR"), (b"V", "ERROR"), (b"C", code), (b"M", TEXTS[code]))
    )
    return b"E" + struct.pack(">i", 4 + len(fields) + 1) + fields + b"\0"


def ready() -> bytes:
    """ReadyForQuery outside a transaction."""
    return b"Z" + struct.pack(">i", 5) + b"I"
