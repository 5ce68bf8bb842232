"""Carries out a plan: certificates, processes, waiting, and what to say meanwhile."""
