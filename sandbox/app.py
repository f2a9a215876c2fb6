"""Puts the vendors into one world and makes the application of it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from sandbox.core.app import SandboxApp
from sandbox.core.world import World
from sandbox.settings import Settings


def make_world(settings: Settings) -> World:
    """A world with every vendor; it starts with the application."""
    world = World(settings.data, public_url=settings.public_url, limits=settings.limits)
    register_vendors(world)
    return world


def register_vendors(world: World) -> None:
    """The one list of vendors."""
    if find_spec("sandbox.bitrix24.vendor") is not None:
        world.register(import_module("sandbox.bitrix24.vendor").Bitrix24(world))
    if find_spec("sandbox.elba.vendor") is not None:
        world.register(import_module("sandbox.elba.vendor").Elba(world))


def make_app(settings: Settings) -> SandboxApp:
    return SandboxApp(make_world(settings))
