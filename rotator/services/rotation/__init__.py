"""A rotation from the request to its report."""
