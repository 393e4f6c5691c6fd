"""Who comes in: tokens, rights, what a request may do and what every answer carries."""
