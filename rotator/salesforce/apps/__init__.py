"""The kinds of apps that hold a certificate: read whole, written whole."""
