"""The life of a swarm: what its members say to each other, agree on, merge and keep."""
