"""Amazon Bedrock, emulated."""
