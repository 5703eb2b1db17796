"""Amazon Textract, emulated."""
