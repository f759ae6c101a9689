"""Reference values for Backdraw's tests, one module per case group."""
