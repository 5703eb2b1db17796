"""Rate limits, job quotas and job slots."""
