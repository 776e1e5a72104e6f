"""Pure functions on the tables of `repro.records`: frame in, frame or number out."""
