"""Interpret state machines in the Amazon States Language.

The package knows no Kafka and does no I/O.

    errors          error names of the language, and the two exceptions
    expressions     paths, payload templates, intrinsic functions, comparators and JSONata
    definition      the compiled definition
    execution       the transition function: an execution and a stimulus give history events and commands
"""
