"""Simulated Kontur.Diadoc: boxes, partners, titles, documents that people sign, the feed of their events."""
