"""What is called after a rotation, or when something else has happened to a credential. One module a type of hook."""
