"""What talks over the wire, held to what AWS does."""
