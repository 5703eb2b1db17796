"""JSONPath expressions: reference paths, and queries with the semantics of Jayway JsonPath, which AWS uses."""
