"""Tests that need a container engine; `make test-containers` builds the images and runs them."""
