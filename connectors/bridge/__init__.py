"""The bridge from SQS to Kafka."""
