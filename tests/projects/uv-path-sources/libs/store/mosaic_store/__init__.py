"""A package of a test."""
