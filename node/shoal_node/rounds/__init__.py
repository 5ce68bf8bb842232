"""Rounds, as a trainer lives them: train to a sync point, offer, wait, go on from what came.

`Exchange` is all that a trainer knows of a swarm. `SwarmCallback` ties one to any Hugging Face Trainer. Behind an
exchange stands a peer (`peer_exchange`), other trainers of the same process (`in_process`), or nobody at all.
"""
