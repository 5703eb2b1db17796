"""Interpret state machines in the Amazon States Language.

The package knows no Kafka and does no I/O.

    errors          error names of the language, and the two exceptions
    expressions     paths, payload templates, intrinsic functions, comparators and JSONata
    definition      the compiled definition
    execution       the transition function: an execution and a stimulus give history events and commands
    datasets        the items of distributed Maps from CSV, JSON, JSON Lines and inventory manifests
    validation      findings with the codes and messages of AWS
    local_run       runs a definition in memory, with mocked tasks and a virtual clock
    test_state      one state with an input, as the AWS API TestState
    drawing         SVG and text
"""
