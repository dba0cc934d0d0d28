"""The terminal: one-shot commands and a conversation."""
