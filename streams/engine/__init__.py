"""One record in, exactly one outcome out. Knows no broker."""
