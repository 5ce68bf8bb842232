"""Where the two halves of a node meet: a folder of the node's state, for its owner only.

FOLDER/link.sock     the peer listens, one trainer at a time connects
FOLDER/files/        what either of them wrote for the other
"""

from pathlib import Path
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_base.home import OWNER_ONLY

SOCKET_NAME: Final = "link.sock"
FILES: Final = "files"


def made(folder: Path) -> Path:
    """The folder of a link, with its files; made if it is not there."""
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        (folder / FILES).mkdir(mode=OWNER_ONLY, exist_ok=True)
    except OSError as problem:
        raise PlaceRefused(f"{folder} cannot be made: {problem.strerror}. Choose another folder.") from problem
    return folder
