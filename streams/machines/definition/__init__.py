"""The compiled definition of a state machine: `parse.parse_machine` makes it, `model` describes it."""
