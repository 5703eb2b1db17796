"""Adapters for the AWS AI services and S3."""
