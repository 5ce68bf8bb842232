"""One run, as one node's peer sees it: its own contribution, the share it merges, the results it holds."""
