"""What benchmarks share: load, processes, reports, fakes."""
