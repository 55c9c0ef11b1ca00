"""Object stores: a real server over HTTP, and faults between it and us."""
