"""How good the answers are, measured on questions that were judged."""
