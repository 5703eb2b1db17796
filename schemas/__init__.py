"""The contract: event shapes, the topic table, identity, and bytes in and out."""
