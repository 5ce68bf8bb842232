"""`shoal train`, `shoal predict` and `shoal data`. What needs torch is imported when a command runs, not before."""
