"""Where a sentinel's things lie unless somebody says otherwise."""

from shoal_base.home import this_home


def default_register(swarm: str) -> str:
    """Where a swarm's register lies."""
    return f"sqlite:///{this_home().state / swarm / 'register.db'}"
