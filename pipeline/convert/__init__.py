"""Convert single files: without a recipe, lock or state, but with the recipe that does the same."""
