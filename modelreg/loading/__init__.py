"""The one place where the library of a model runs: trust, flavors, and the confined process."""
