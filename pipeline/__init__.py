"""Carry out recipes: from YAML to a plan, from the plan to verified files."""
