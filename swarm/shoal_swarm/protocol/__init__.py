"""What members of a swarm say and decide: pure functions of events and time, no input or output."""
