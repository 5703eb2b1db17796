"""One module for each type of state: what happens when a branch runs it, and when its answer arrives."""
