"""End the server that workers are forked from at once (Linux); only that server imports this.

Programs that read the command's output wait for the server, too, so it must not linger. It has nothing to
write; any other process would lose what is still in its buffers.
"""

from __future__ import annotations

import atexit
import os

atexit.register(os._exit, 0)
