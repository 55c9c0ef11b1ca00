"""The differences between pydicom 3 and 2.4, which pylinac requires.

No other module checks the version.
"""
