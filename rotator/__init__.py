"""Keeps Salesforce JWT-bearer credentials alive."""

__version__ = "0.1.0"
