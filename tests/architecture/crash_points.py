"""The crash points of the money path, derived from every commit, vendor call, Kafka send and acknowledgement in the
sources; the few that lie off the path are named with their reason."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chassis.work.permits import PERMITS_PATH
from contracts.topics import SERVICES, read_by, written_by
from tests.architecture.off_path import OFF_PATH
from tests.architecture.sources import Source, called, sources

FOLDERS: Final = ("chassis", "services", "connectors")
VENDORS: Final = ("bitrix24", "elba")
"""The vendors that the path is walked with; calls to others go through the same places of the chassis."""
INTAKE: Final = "chassis.messaging.intake.Intake.run"
COMMITTER: Final = "chassis.work.committer.Committer._transaction"

ASKED: Final[Mapping[str, str]] = {
    "chassis.internal_api.decisions.DecisionsApi.taken": "invoicing",
}
"""The places of the chassis that only one service comes to on the path."""


class NotDerived(Exception):  # noqa: N818 - named after what is missing
    """A place in the sources whose points nobody can name; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A transaction in the sources. ``name`` is as the process names it; ``labelled`` ones name their points anew."""

    name: str
    path: str
    line: int
    moments: tuple[str, str]
    labelled: bool


_CALL: Final = ("first_byte.before", "first_byte.after", "answer.before", "answer.after")
_REQUEST: Final = ("request.before", "request.after")
_SEND: Final = ("send.before", "send.after", "acknowledgement.after", "mark.before", "mark.after")
_OFFSETS: Final = ("offsets.before", "offsets.after")
_BLOB: Final = ("blob.before", "blob.after")
_MOMENTS: Final[Mapping[str, tuple[str, str]]] = {
    "transaction": ("commit.before", "commit.after"),
    "delivery": ("commit.before", "commit.after"),
    "delivery_connection": ("statements.before", "statements.after"),
}


def places(source: Source) -> Iterator[Place]:
    """Every transaction and every delivery connection that a module opens."""
    for qualified, node in _calls(source.tree, ()):
        moments = _MOMENTS.get(called(node).rpartition(".")[2]) if "." in called(node) else None
        if moments is not None:
            labelled = len(node.args) > 2 or any(keyword.arg == "what" for keyword in node.keywords)
            yield Place(f"{module_of(source)}.{qualified}", source.path, node.lineno, moments, labelled)


def module_of(source: Source) -> str:
    """A source's name as Python has it."""
    return source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _calls(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the qualified name of the function around it, as Python has it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _calls(child, (*scope, child.name, "<locals>"))
        elif isinstance(child, ast.ClassDef):
            yield from _calls(child, (*scope, child.name))
        else:
            if isinstance(child, ast.Call):
                yield ".".join(scope[:-1] if scope[-1:] == ("<locals>",) else scope), child
            yield from _calls(child, scope)


def kinds_of_work(service: Sequence[Source]) -> dict[str, bool]:
    """Each kind of due work that a service's handlers name, and whether it is an effect."""
    constants = {
        target.id: node.value.value
        for source in service
        for node in source.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: dict[str, bool] = {}
    for source in service:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                given = {called(part.targets[0]): part.value for part in node.body if isinstance(part, ast.Assign)}
                if "kind" in given:
                    kind = constants.get(called(given["kind"]).rpartition(".")[2])
                    if not isinstance(kind, str):
                        raise NotDerived(f"{source.path}: make the kind of {node.name} a constant of its service")
                    found[kind] = "batch_max" in given
    return found


def operations(vendor: str, connector: Sequence[Source]) -> set[str]:
    """The names of all calls that a connector makes: what follows ``permit``, or stands in a ``Call`` itself."""
    takers = {
        node.name
        for source in connector
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if [argument.arg for argument in node.args.args[1:3]] == ["permit", "operation"]
    }
    found: set[str] = set()
    for source in connector:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            if called(node) == "Call":
                (name,) = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "operation"]
                named = name.removeprefix("f'{VENDOR}.").removesuffix("'")
                if named == "{operation}":
                    continue  # a method that takes the name after the permit
                if named == name or "{" in named:
                    raise NotDerived(f"{source.path}:{node.lineno}: name the operation f'{{VENDOR}}.name'")
                found.add(f"{vendor}.{named}")
            elif called(node).rpartition(".")[2] in takers and called(node.args[1]) != "operation":
                if not isinstance(node.args[1], ast.Constant):
                    raise NotDerived(f"{source.path}:{node.lineno}: name the operation by a constant")
                found.add(f"{vendor}.{ast.literal_eval(node.args[1])}")
    return found


def functions(source: Source) -> Iterator[tuple[str, ast.AST]]:
    """The functions and methods of a module, by their qualified names; not those inside of others."""
    for node in source.tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{module_of(source)}.{node.name}." if isinstance(node, ast.ClassDef) else f"{module_of(source)}."
        yield from (
            (f"{prefix}{one.name}", one) for one in inner if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        )


def moments(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The points that are placed in a function, by their moments, with their lines."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and called(call) in ("crash_point", "crash_point_soon") and call.args:
            moment = call.args[0]
            if isinstance(moment, ast.Constant):
                yield str(moment.value), call.lineno


def derived(*, whole: bool = False) -> dict[str, frozenset[str]]:
    """The points of each service; those of calls to vendors under ``""``, since a service makes some of them.
    ``whole``: with those that lie off the path."""
    every = tuple(place for source in sources(*FOLDERS) for place in places(source))
    found = {service: frozenset(_of_service(service, every)) for service in SERVICES}
    calls = {name for vendor in VENDORS for name in operations(vendor, sources(f"connectors/{vendor}"))}
    found[""] = frozenset(f"{moment}[{name}]" for name in calls for moment in _CALL)
    if whole:
        return found
    return {service: frozenset(point for point in points if not off_path(point)) for service, points in found.items()}


def _of_service(service: str, every: Sequence[Place]) -> Iterator[str]:
    kinds = kinds_of_work(sources(f"services/{service}"))
    read = [topic.name for topic in read_by(service)]
    labels = {
        INTAKE: [f"take/{topic}" for topic in read],
        COMMITTER: [f"settle/{kind}" for kind in kinds]
        + [f"intend/{kind}" for kind, effect in kinds.items() if effect],
    }
    for place in every:
        if not place.name.startswith(("chassis.", f"services.{service}.")):
            continue
        if ASKED.get(place.name, service) != service or (place.name == INTAKE and not read):
            continue
        if place.labelled and place.name not in labels:
            raise NotDerived(f"{place.path}:{place.line}: say in tests/architecture/crash_points.py what it names")
        for what in labels[place.name] if place.labelled else [place.name]:
            yield from (f"{moment}[{what}]" for moment in place.moments)
    yield from (f"{moment}[{topic}]" for topic in read for moment in _OFFSETS)
    yield from (f"{moment}[{topic.name}]" for topic in written_by(service) for moment in _SEND)
    yield from (f"{moment}[{name}]" for name in blobs_kept(service) for moment in _BLOB)
    if service != "ingest":  # which gives the permits
        yield from (f"{moment}[{PERMITS_PATH}]" for moment in _REQUEST)


def blobs_kept(service: str) -> Iterator[str]:
    """The places of a service that keep documents."""
    for source in sources(f"services/{service}"):
        for qualified, node in _calls(source.tree, ()):
            if called(node).endswith("blobs.put"):
                yield f"{module_of(source)}.{qualified}"


def off_path(point: str) -> bool:
    """Whether a point, or all that is of one name, is off the path for a reason that is given."""
    return point in OFF_PATH or point.partition("[")[2].removesuffix("]") in OFF_PATH
