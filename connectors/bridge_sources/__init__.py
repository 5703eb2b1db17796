"""The file that lists the sources of the bridge, and what they require on AWS."""
