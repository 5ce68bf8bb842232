"""Learning: the half of a node that holds data and a model, and has neither keys nor network."""
