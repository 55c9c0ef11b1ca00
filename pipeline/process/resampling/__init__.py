"""Resample images and volumes to another grid over the same place, with the same bits on every machine."""
