"""What a peer must find again after a crash.

Five nouns:

* **storage**: blobs, books and ledger of one node in one run, in one folder that belongs to one process at a time;
* **blob**: some bytes under their digest: a piece, or a list of pieces;
* **books**: one page that says what this node has applied, frozen and carries; the newest whole page counts;
* **journal**: the file that pages of the books are appended to; now and then it is replaced by its newest page;
* **ledger**: this node's own copy of the run's history, only ever appended to.

`contract.py` is the page to read: it says what is durable when, what a crash may tear and what reading back
guarantees. `storage.py` keeps those promises on files, and the simulator's disk is held to the same suite.
"""

from shoal_swarm.peer.storage.contract import Found, Storage, StorageFailed
from shoal_swarm.peer.storage.storage import FileStorage, open_storage

__all__ = ["FileStorage", "Found", "Storage", "StorageFailed", "open_storage"]
