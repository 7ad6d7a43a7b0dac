"""Makes ``modelreg/security/policy.json`` from genuine models; see `scripts.policy.__main__`."""
