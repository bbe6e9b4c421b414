"""A least-privilege persona drafted from what was seen. Every line says from how many calls it comes."""
