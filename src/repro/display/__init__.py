"""Tables and figures: frame in, text or axes out; nothing is computed here."""
