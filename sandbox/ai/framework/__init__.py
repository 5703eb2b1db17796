"""What the emulated AI services share: protocol, ledger, faults, jobs."""
