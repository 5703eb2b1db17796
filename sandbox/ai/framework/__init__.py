"""Shared parts of the emulated AI services: protocol, ledger, faults, jobs."""
