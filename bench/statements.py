"""statements: a bank statement file of 100,000 operations, read by a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import orjson

from bench.measuring import median
from bench.options import read_options
from bench.report import Bar, Report, Row
from tests.kit.statements import OURS, Order, account_lines, head_lines

OPERATIONS: Final = 100_000
DAYS: Final = 90
FIRST: Final = date(2026, 1, 1)
SECONDS_MAX: Final = 10.0
MEGABYTES_MAX: Final = 200.0

READER: Final = """
import json, resource, sys, time
from pathlib import Path
from connectors.bank_statement import Statement, open_statement
from connectors.ports.bank import BankOperation
started, used = time.perf_counter(), time.process_time()
found = open_statement(Path(sys.argv[1]).read_bytes())
assert isinstance(found, Statement), found
accounts = len(found.head().accounts)
taken = total = problems = 0
for item in found.items():
    if isinstance(item, BankOperation):
        taken += 1
        total += item.amount_kopecks
    else:
        problems += 1
print(json.dumps({"seconds": time.perf_counter() - started, "cpu": time.process_time() - used, "taken": taken,
    "problems": problems, "total": total, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def _pieces() -> Iterator[bytes]:
    last = FIRST + timedelta(days=DAYS - 1)
    head = [*head_lines((OURS,), FIRST, last, last + timedelta(days=1), "cp1251"), *account_lines(OURS, FIRST, last)]
    yield _text(head)
    for number in range(1, OPERATIONS + 1):
        day = FIRST + timedelta(days=number * DAYS // (OPERATIONS + 1))
        purpose = f"Оплата по счету № {number} от {day:%d.%m.%Y} за услуги. В т.ч. НДС 22% {number}.18"
        yield _text(Order(number=str(number), day=day, amount=f"{number}.{number % 100:02d}", purpose=purpose).lines())
    yield _text(["КонецФайла"])


def _text(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("cp1251")


def main() -> int:
    """Writes the file, reads it ``repeats`` times, and compares what was taken with what was written."""
    options = read_options("statements", __doc__ or "", seconds=1, warmup=0, repeats=3, concurrency=1)
    report = Report("statements", options)
    wanted = sum(number * 100 + number % 100 for number in range(1, OPERATIONS + 1))
    seconds, cpu, peaks = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statement.txt"
        with path.open("wb") as file:
            file.writelines(_pieces())
        size = path.stat().st_size
        for _ in range(options.repeats):
            done = subprocess.run([sys.executable, "-c", READER, str(path)], check=True, capture_output=True)
            read = orjson.loads(done.stdout)
            assert (read["taken"], read["problems"], read["total"]) == (OPERATIONS, 0, wanted), read
            seconds.append(read["seconds"])
            cpu.append(read["cpu"])
            peaks.append(read["peak_mb"])
    settings = {"operations": OPERATIONS, "file_mb": round(size / 2**20, 1), "encoding": "cp1251"}
    each = round(1000 * median(cpu) / OPERATIONS, 4)
    report.add(_row("read", seconds, "s", Bar("median", at_most=SECONDS_MAX), cpu_ms_per_op=each, settings=settings))
    report.add(_row("peak memory of the reader", peaks, "MB", Bar("max", at_most=MEGABYTES_MAX)))
    return report.finish()


def _row(
    name: str,
    values: list[float],
    unit: str,
    bar: Bar,
    *,
    cpu_ms_per_op: float | None = None,
    settings: dict[str, object] | None = None,
) -> Row:
    middle, low, high = (round(value, 2) for value in (median(values), min(values), max(values)))
    return Row(name, middle, low, high, unit, cpu_ms_per_op=cpu_ms_per_op, settings=settings or {}, bars=(bar,))


if __name__ == "__main__":
    sys.exit(main())
