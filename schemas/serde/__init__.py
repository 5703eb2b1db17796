"""Serialisation: Avro codec, schema catalog, schema topic and schema registry."""
