"""The networked half of a node: keys and network, and never a model."""
