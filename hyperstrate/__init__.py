"""Hyperstrate: a self-hosted AI gateway."""
