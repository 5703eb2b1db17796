"""Run a definition to its end in memory: tasks are answered by mocks, and the clock is virtual.

Waits and retry delays take no time: when nothing else can happen, the clock moves to the next timer.
"""
