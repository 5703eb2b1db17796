"""Sinks: deliver events to SNS, SQS, EventBridge, Lambda and HTTP."""
