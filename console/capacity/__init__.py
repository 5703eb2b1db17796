"""Forecasts of what a pipeline takes for a number of files a day."""
