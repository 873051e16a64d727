"""The benchmark: gateways side by side before the same mock provider, in one run."""
