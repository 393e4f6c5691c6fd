"""The record book: what was entered, raced and decided, in a database."""
