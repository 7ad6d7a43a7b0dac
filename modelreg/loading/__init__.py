"""Loading: the only package that runs the library of a model. Trust, flavors, and the confined process."""
