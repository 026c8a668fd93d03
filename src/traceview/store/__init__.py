"""A source opened: the engine that answers named queries, and the label store."""
