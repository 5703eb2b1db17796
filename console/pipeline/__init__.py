"""Tables and estimates of the pipeline."""
