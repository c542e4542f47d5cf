"""The Amazon States Language: the language as a table, the parser, the validator and the compiled model."""
