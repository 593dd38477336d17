__version__ = "20240930"
