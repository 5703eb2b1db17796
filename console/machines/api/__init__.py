"""The wire protocol of AWS Step Functions: JSON 1.0 with the target `AWSStepFunctions.OPERATION`."""
