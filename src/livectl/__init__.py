"""livectl: run a live-streaming product on LiveKit."""

__version__ = "0.1.0"
