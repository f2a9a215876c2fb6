"""Runs an installation of stand-ins, as the command `up` runs one of services: `launcher.py FOLDER [PORT_BASE]`."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from deploy.local.installation import Addresses, Installation
from deploy.local.refusal import Refusal
from deploy.local.service import ProcessSpec

STAND_IN = Path(__file__).with_name("stand_in.py")
NAMES = ("sandbox", "ingest", "payments")


async def migrate(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
    finally:
        await connection.close()


def specs(addresses: Addresses) -> Sequence[ProcessSpec]:
    asyncio.run(migrate(addresses.postgres_url))
    journal = addresses.folder / "journal"
    made = []
    for name in NAMES:
        url = f"http://127.0.0.1:{addresses.port(name)}"
        made.append(
            ProcessSpec(
                name=name,
                argv=[sys.executable, str(STAND_IN), str(addresses.port(name)), str(journal), name],
                url=url,
                ready_url=f"{url}/readyz",
                role="sandbox" if name == "sandbox" else "service",
                control_url=f"{url}/control" if name == "sandbox" else "",
            )
        )
    return made


def main(folder: str, port_base: str = "") -> int:
    try:
        Installation(Path(folder), specs, version="test", port_base=int(port_base) if port_base else None).run()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
