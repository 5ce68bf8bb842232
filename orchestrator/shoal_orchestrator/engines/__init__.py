"""What starts things, behind one interface."""
