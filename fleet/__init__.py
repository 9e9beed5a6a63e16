"""fleet: a multi-cluster fleet manager with environment promotion, driven by git."""

__version__ = "0.1.0"
