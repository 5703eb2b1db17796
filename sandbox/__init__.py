"""The cloud on one machine: an embedded Kafka, local AWS and local AI services."""
