"""What differs between pydicom 3 and 2.4, which pylinac asks for.

Nothing else asks which version there is.
"""
