"""Recipes carried out: from YAML to a plan, from the plan to verified files."""
