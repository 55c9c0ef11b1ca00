"""Drafts of recipes: from nothing, from an example, or from files that are examined.

A draft is text for a person to continue with: it says what was found, asks for what the files do not contain,
and guesses nothing. Each draft gets a UUID of its own for its UIDs, the only random value of the program.
"""
