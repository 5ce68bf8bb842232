"""Examples: read from files, made up, and divided among nodes. No torch here, so that looking at data is quick."""
