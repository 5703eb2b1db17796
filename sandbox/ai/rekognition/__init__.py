"""Amazon Rekognition, emulated."""
