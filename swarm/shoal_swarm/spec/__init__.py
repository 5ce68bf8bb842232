"""What users ask for: tasks and run configurations, from bytes to checked models, and nothing else."""
