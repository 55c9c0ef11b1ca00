"""Drafts of recipes: from nothing, from an example, from files that are examined.

A draft is text for a person to go on with: it says what was found, asks for what the files do not know,
and guesses nothing. Each draft gets a UUID of its own for its UIDs, the one random value of the program.
"""
