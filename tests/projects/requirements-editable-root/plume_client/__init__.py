"""A client."""
__version__ = "0.28.1"
