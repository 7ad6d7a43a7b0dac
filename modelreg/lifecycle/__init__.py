"""Stages as a contract: rules and the journal's logic, as functions from facts to decisions, without any I/O."""
