"""Base models: where they lie on this machine, and the hashes by which nodes see that theirs are equal."""
