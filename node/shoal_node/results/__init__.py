"""What is left when a run is over: a folder that PEFT loads, with everything that `predict` needs to know."""
