"""Puts the vendors into one world."""

from __future__ import annotations

from sandbox.bitrix24.vendor import Bitrix24
from sandbox.core.world import World
from sandbox.dadata.vendor import Dadata
from sandbox.diadoc.vendor import Diadoc
from sandbox.elba.vendor import Elba
from sandbox.elba_vendor.vendor import ElbaVendor
from sandbox.focus.vendor import Focus
from sandbox.kontur.vendor import Kontur
from sandbox.moedelo.vendor import Moedelo
from sandbox.onec.vendor import Onec
from sandbox.settings import Settings
from sandbox.shop.vendor import Shops


def make_world(settings: Settings) -> World:
    """A world with every vendor; it starts with the application."""
    world = World(settings.data, public_url=settings.public_url, limits=settings.limits)
    world.register(Bitrix24(world))
    world.register(Elba(world))
    world.register(ElbaVendor(world))
    world.register(Moedelo(world))
    world.register(Onec(world))
    world.register(Kontur(world))
    world.register(Dadata(world))
    world.register(Focus(world))
    world.register(Diadoc(world))
    world.register(Shops(world))
    return world
