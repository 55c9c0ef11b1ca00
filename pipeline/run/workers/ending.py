"""Only the server that workers are forked from imports this, to end at once (Linux).

Who reads what the program says waits for the server, which has nothing to put away. Any other process would
lose what it has not written yet.
"""

from __future__ import annotations

import atexit
import os

atexit.register(os._exit, 0)
