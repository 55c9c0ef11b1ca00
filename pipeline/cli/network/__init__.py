"""Commands that keep going or go elsewhere: `deliver`, `watch`."""
