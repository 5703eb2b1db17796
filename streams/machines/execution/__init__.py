"""The core of state machines: a pure transition function.

    advance(machine, execution, stimulus) -> ExecutionTransition(execution, events, commands)

A stimulus is what happens to an execution: it starts, a task succeeds, a timer fires. A transition runs the states
until each branch waits for another stimulus. It returns the new execution, the history events in AWS's types and order,
and commands: what the engine must do now. Nothing else has an effect, and the time and the random seed are part of the
stimulus, so an execution is a fold of its stimuli (`replay.fold`).

Levels of an execution are not nested calls. An execution is a flat table of branches: the root branch, one for each
branch of a Parallel state and one for each running iteration of an inline Map. A branch is in one state and has the
work that the state waits for. A branch that ends joins its parent through a queue.

A redelivered stimulus changes nothing: an answer names its task, timer or child, and a branch that does not wait for
it ignores it.
"""
