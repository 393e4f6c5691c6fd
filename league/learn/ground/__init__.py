"""What drivers train on: circuits, cars that differ, what is seen of them, fields of cars at once."""
