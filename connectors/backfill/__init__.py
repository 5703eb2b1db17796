"""S3 listings to Kafka."""
