"""Stands where a Donkeycar looks for its simulator's client; `gym` beside it is all that it uses."""
