"""For those who write plugins: checkers and conformance clients."""
