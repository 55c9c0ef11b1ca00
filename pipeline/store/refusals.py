"""Explain in words why a file system refuses to write."""

from __future__ import annotations

import errno
import sys

from ..errors import StoreError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else -1: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing is not permitted",
    errno.EPERM: "writing is not permitted",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.EISDIR: "a folder of this name is in the way",
    errno.EFBIG: "the file is too large for this file system",
    errno.ENOENT: "its folder was removed meanwhile",
    errno.EMFILE: "this process may open no more files",
}


def store_error(error: OSError, subject: str) -> StoreError:
    """Return the error with a message for users."""
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    hint = ""
    if sys.platform == "win32" and isinstance(error, FileNotFoundError):
        reason, hint = "its path is too long", "choose shorter folders, or allow long paths in Windows"
    elif sys.platform == "win32" and isinstance(error, PermissionError):
        reason, hint = "it is open in another program, or write-protected", "close it and run again"
    return StoreError(f"cannot be written: {reason}", subject=subject, hint=hint)
