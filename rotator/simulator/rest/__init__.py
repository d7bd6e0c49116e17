"""The REST API and its queries."""
