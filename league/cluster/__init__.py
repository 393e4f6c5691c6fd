"""More than one process, and more than one machine: engines, and what is raced on them."""
