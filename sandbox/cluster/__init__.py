"""A local cluster: broker, local AWS, AI endpoint and worker processes."""
