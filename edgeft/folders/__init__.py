"""What edgeft writes: where it may, what it may replace, and how it appears whole or not at all.

names.py    hidden names beside a destination
disk.py     syncing, modes, deleting, and what a disk says that takes no more
lock.py     one run at a time writes to a destination
swap.py     one folder takes another's place at once; what a kill leaves is cleared
kinds.py    what edgeft wrote, and what in it is somebody else's
guard.py    what is never replaced, whatever was asked
write.py    the ways in: new_folder, claim_folder, claim_file, new_file, write_file
"""

from edgeft.folders.disk import apply_umask, is_write_failure, sync_tree
from edgeft.folders.guard import check_file, check_folder
from edgeft.folders.kinds import BUNDLE, CHECKPOINT, FolderKind
from edgeft.folders.swap import discard, replace_folder
from edgeft.folders.write import (
    claim_file,
    claim_folder,
    new_file,
    new_folder,
    write_file,
    write_json,
)

__all__ = [
    "BUNDLE",
    "CHECKPOINT",
    "FolderKind",
    "apply_umask",
    "check_file",
    "check_folder",
    "claim_file",
    "claim_folder",
    "discard",
    "is_write_failure",
    "new_file",
    "new_folder",
    "replace_folder",
    "sync_tree",
    "write_file",
    "write_json",
]
