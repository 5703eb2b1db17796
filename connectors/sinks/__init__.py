"""The way out: SNS, SQS, EventBridge, Lambda and HTTP. A sink is a function that returns when its target has it."""
