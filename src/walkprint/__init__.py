"""Gait recognition: telling people apart by the way they walk."""

__version__ = "0.1.0"
