"""Generate ``modelreg/analysis/policy.json`` from genuine models; see `scripts.policy.__main__`."""
