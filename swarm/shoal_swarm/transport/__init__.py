"""The border to the network: authenticated links, and their twin in memory."""
