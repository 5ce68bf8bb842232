"""What a task can ask for: from data and a base model to a Trainer that is ready to take part."""
