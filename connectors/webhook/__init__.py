"""SNS over HTTPS to Kafka."""
