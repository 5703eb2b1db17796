"""Amazon Comprehend, emulated."""
