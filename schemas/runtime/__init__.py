"""What every process needs: logging, garbage collection, outage logs, rate limits."""
