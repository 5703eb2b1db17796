"""Amazon Transcribe, emulated."""
