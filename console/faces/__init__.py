"""The face directory: name, merge and forget people."""
