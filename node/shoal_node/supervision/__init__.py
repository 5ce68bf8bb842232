"""The two halves of a node, side by side: what each is started with, and what happens when one of them dies."""
