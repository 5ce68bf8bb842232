"""One run, as its sentinel sees it: what it hears, what it decides, what it writes to the register."""
