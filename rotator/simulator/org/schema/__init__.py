"""The fields of each metadata type, in the WSDL's order, each with the API version that brought it."""
