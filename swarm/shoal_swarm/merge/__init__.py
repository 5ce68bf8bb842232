"""The algebra of adapters: pure numpy, no clock, no file, no randomness."""
