"""Bitrix24: portals of clients, called by an inbound webhook, telling by outgoing webhooks."""
