"""Local AI services with AWS's wire protocols; results are measured instead of predicted by models."""
