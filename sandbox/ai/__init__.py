"""Amazon's AI services on this machine: their wire protocols, answered by measurement instead of by trained models."""
