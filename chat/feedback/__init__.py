"""What readers thought of a model's answers, for those who look after it."""
