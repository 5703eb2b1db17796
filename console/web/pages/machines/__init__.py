"""The pages of state machines: their list, one machine, one execution, map runs and redrives."""
