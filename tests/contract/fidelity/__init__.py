"""Compare the local AWS with answers that were recorded on AWS."""
