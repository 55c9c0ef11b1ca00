"""One HTML file that shows what was done: no server, no network, nothing that is not in it."""
