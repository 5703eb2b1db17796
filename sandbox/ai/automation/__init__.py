"""Amazon Bedrock Data Automation, emulated."""
