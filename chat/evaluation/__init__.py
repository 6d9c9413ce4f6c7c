"""How good a collection's retrieval and answers are, by test questions that its admins keep."""
