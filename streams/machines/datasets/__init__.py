"""Parse the datasets of a distributed Map: the bytes that an ItemReader reads become its items."""
