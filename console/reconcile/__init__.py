"""Compare a bucket with the views, and send what the pipeline has never accepted."""
