"""The edge between PEFT and the swarm: adapters of a live model, and adapters in a folder.

A `Site` is one LoRA module of a live model, `Sites` is all that such a model trains. Reading them gives the effective
pairs and dense tensors that travel; writing checks everything first and then changes the model in place, so that an
optimizer that holds its parameters never notices. A folder is what PEFT itself loads, in one encoding.
"""

from shoal_node.adapter.refusals import AdapterRefused
from shoal_node.adapter.sites import Site, Sites

__all__ = ["AdapterRefused", "Site", "Sites"]
