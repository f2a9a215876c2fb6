"""Real PDF files of invoices and acts: small, valid, with Cyrillic text, of the size that the account is set to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

# Glyph names of cp1251's letters, so that a viewer's own sans-serif font draws them.
_DIFFERENCES = (
    "/Differences [168 /afii10023 171 /guillemotleft 184 /afii10071 185 /afii61352 187 /guillemotright 192 "
    + " ".join(f"/afii{10017 + place + (place > 5)}" for place in range(32))
    + " "
    + " ".join(f"/afii{10065 + place + (place > 5)}" for place in range(32))
    + "]"
)


def render(lines: Sequence[str], size_bytes: int) -> bytes:
    """One A4 page with these lines; padded up to `size_bytes` with a stream that does not compress."""
    shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in lines)
    content = f"BT /F1 11 Tf 14 TL 50 790 Td\n{shown}\nET".encode("cp1251", "replace")
    font = f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding {_DIFFERENCES} >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        font.encode(),
    ]
    used = sum(len(item) for item in objects) + 400
    padding = _padding(max(0, size_bytes - used))
    objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(padding), padding))
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


@lru_cache(maxsize=16)
def _padding(size: int) -> bytes:
    return random.Random(size).randbytes(size).replace(b"endstream", b"-" * 9)  # noqa: S311 - padding
