"""The secrets of an installation: made once, kept in DIR/secrets, readable by their owner only."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chassis.migrate import Passwords
from chassis.secrets import Keyring
from deploy.local.folder import write_private
from sverka.endings import NotAsWished

TOKEN_BYTES: Final = 32


class SecretsFolder:
    """One folder of secrets. Whatever is missing is made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def service_token_file(self) -> Path:
        """The token of calls between services."""
        return self._file("service-token", lambda: secrets.token_urlsafe(TOKEN_BYTES) + "\n")

    def kek_file(self) -> Path:
        """The key that wraps the tenants' data keys. Whoever loses it loses every stored credential."""
        return self._file("kek", lambda: Keyring.generate("k1"))

    def passwords(self, service: str) -> Passwords:
        """The passwords of a service's two database roles."""
        file = self._file(f"database-{service}.json", _new_passwords)
        try:
            kept = json.loads(file.read_text())
            return Passwords(app=kept["app"], delivery=kept["delivery"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotAsWished(
                f'{file} is damaged. Write {{"app": "…", "delivery": "…"}} into it, or delete it: '
                "new passwords are then made and set."
            ) from error

    def _file(self, name: str, make: Callable[[], str]) -> Path:
        file = self.folder / name
        if not file.exists():
            write_private(file, make())
        return file


def _new_passwords() -> str:
    made = {"app": secrets.token_urlsafe(TOKEN_BYTES), "delivery": secrets.token_urlsafe(TOKEN_BYTES)}
    return json.dumps(made) + "\n"
