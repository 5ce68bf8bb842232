"""From an accepted task to running nodes: profiles, policy, planner and engines."""
