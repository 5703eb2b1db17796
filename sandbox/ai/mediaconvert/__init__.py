"""AWS Elemental MediaConvert, emulated."""
