"""What people write down for a swarm: tasks, profiles, and the run configuration that a task compiles to.

Bytes in, models out; nobody opens a file here. `reader` reads YAML of which there is one reading only, `located` turns
it into a model and tells where a value breaks a rule, `task`, `profile` and `run` are the models.
"""
