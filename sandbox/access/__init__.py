"""Access control of the sandbox's HTTP servers: keys, signatures and the request guard."""
