"""The plans by which the services of one installation are killed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class Plans:
    """A folder of plans, one for each service; ``chassis.crash_points`` reads them and strikes off what it did."""

    def __init__(self, folder: Path, services: Iterable[str]) -> None:
        folder.mkdir()
        self.folder = folder
        self._services = tuple(services)

    def write(self, service: str, starts: Sequence[Iterable[str]]) -> None:
        """Each start of the process dies at the first of its points that it passes."""
        unfinished = self.folder / f"{service}.new"
        unfinished.write_text("".join(f"{' '.join(sorted(points))}\n" for points in starts if points))
        unfinished.replace(self.folder / f"{service}.plan")

    def open(self, service: str) -> list[str]:
        """The points at which the service has not died yet."""
        plan = self.folder / f"{service}.plan"
        return plan.read_text().split() if plan.exists() else []

    def killed(self) -> Mapping[str, list[str]]:
        """Where each service died, in order."""
        files = {service: self.folder / f"{service}.killed" for service in self._services}
        return {service: file.read_text().split("\n")[:-1] if file.exists() else [] for service, file in files.items()}
