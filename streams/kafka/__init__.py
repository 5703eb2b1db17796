"""Faust, aiokafka and librdkafka."""
