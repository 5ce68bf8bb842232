"""The border between the two halves of a node: a local socket and spooled files."""
