"""One file now: a conversion without a recipe, a lock or state; and the recipe that does the same."""
