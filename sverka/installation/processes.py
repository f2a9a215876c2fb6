"""The processes of an installation: five services and, if asked for, the sandbox, each with its whole environment."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import services
from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.topics import ensure_topics
from chassis.migrate import Urls
from chassis.settings import KafkaAccess, SettingsRefused, load
from contracts.topics import SERVICES, TOPICS
from deploy.local.installation import Addresses, SpecsFactory
from deploy.local.service import ProcessSpec
from sverka.endings import WrongUse
from sverka.installation.migration import migrate_all
from sverka.installation.secrets import SecretsFolder
from sverka.language import tr

HOST: Final = "127.0.0.1"
SANDBOX: Final = "sandbox"
CODE: Final = Path(services.__file__).parents[1]


def specs_factory(*, sandbox: bool, say: Callable[[str], None]) -> SpecsFactory:
    """What `Installation` calls once Postgres and Kafka are ready: migrates, makes topics, and names the processes."""

    def make(addresses: Addresses) -> Sequence[ProcessSpec]:
        secrets = SecretsFolder(addresses.secrets)
        urls = migrate_all(addresses.postgres_url, secrets, say)
        asyncio.run(ensure_topics(_kafka(addresses.kafka_bootstrap), TOPICS))
        say(tr("Topics are there", "Топики созданы"))
        sandbox_port = addresses.port(SANDBOX) if sandbox else None
        ports = {service: addresses.port(service) for service in SERVICES}
        specs = [] if sandbox_port is None else [_sandbox(addresses, sandbox_port)]
        control_url = specs[0].control_url if specs else ""
        specs += [_service(name, ports, addresses, secrets, urls[name], control_url) for name in SERVICES]
        return specs

    return make


def environment_of_installation(sandbox: bool, environ: Mapping[str, str] = os.environ) -> str:
    """`SVERKA_ENV`, development by default. WrongUse for a sandbox in production."""
    chosen = environ.get("SVERKA_ENV", "") or "development"
    if sandbox and chosen == "production":
        raise WrongUse(
            tr(
                "Production runs on real time and real vendors: leave out --sandbox, or unset SVERKA_ENV.",
                "В production нужны настоящее время и настоящие системы: уберите --sandbox или SVERKA_ENV.",
            )
        )
    return chosen


def _kafka(bootstrap: str) -> KafkaSettings:
    """Kafka as the services are told to reach it. WrongUse when the environment says it wrongly."""
    try:
        return replace(KafkaSettings.of(load(KafkaAccess)), bootstrap=bootstrap)
    except SettingsRefused as error:
        raise WrongUse(str(error)) from error


def _sandbox(addresses: Addresses, port: int) -> ProcessSpec:
    url = f"http://{HOST}:{port}"
    ports = ["--port", str(port), "--https-port", str(addresses.port(f"{SANDBOX}-https"))]
    data = str(addresses.folder / SANDBOX)
    return ProcessSpec(
        name=SANDBOX,
        argv=[sys.executable, "-m", "sandbox", "--host", HOST, *ports, "--data", data],
        url=url,
        ready_url=f"{url}/healthz",
        env=_python_path(),
        role="sandbox",
        control_url=f"{url}/control",
    )


def _service(
    name: str,
    ports: Mapping[str, int],
    addresses: Addresses,
    secrets: SecretsFolder,
    urls: Urls,
    sandbox_control_url: str,
) -> ProcessSpec:
    url_of = {service: f"http://{HOST}:{port}" for service, port in ports.items()}
    env = {
        **_python_path(),
        "SVERKA_ENV": environment_of_installation(bool(sandbox_control_url)),
        "SVERKA_HOST": HOST,
        "SVERKA_PORT": str(ports[name]),
        "SVERKA_DATABASE_URL": urls.app,
        "SVERKA_DELIVERY_DATABASE_URL": urls.delivery,
        "SVERKA_KAFKA_BOOTSTRAP": addresses.kafka_bootstrap,
        "SVERKA_SERVICE_TOKEN_FILE": str(secrets.service_token_file()),
        "SVERKA_KEK_FILE": str(secrets.kek_file()),
        "SVERKA_BLOBS_URL": os.environ.get("SVERKA_BLOBS_URL", "") or f"file:{addresses.folder / 'blobs'}",
        "SVERKA_API_TOKEN_FILE": str(addresses.token_file),
        **{f"SVERKA_{service.upper()}_URL": url for service, url in url_of.items()},
    }
    if sandbox_control_url:
        env["SVERKA_SANDBOX_CONTROL_URL"] = sandbox_control_url
        authority = str(addresses.folder / SANDBOX / "tls" / "ca.pem")  # made before services start
        env["SVERKA_VENDOR_CA_FILE"] = os.environ.get("SVERKA_VENDOR_CA_FILE", "") or authority
    return ProcessSpec(
        name=name,
        argv=[sys.executable, "-m", f"services.{name}"],
        url=url_of[name],
        ready_url=f"{url_of[name]}/readyz",
        env=env,
    )


def _python_path() -> dict[str, str]:
    """The processes find the code wherever the command was called from."""
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": f"{CODE}{os.pathsep}{before}" if before else str(CODE)}
