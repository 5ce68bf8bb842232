"""From a task and a profile to what has to be started. Pure: paths and numbers in, orders out."""
