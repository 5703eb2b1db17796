"""Expressions of state machines: paths, payload templates, intrinsic functions, Choice rules and JSONata.

Each kind is compiled once and evaluated often. Compilation raises `DefinitionError`, evaluation raises `StatesError`.
"""
