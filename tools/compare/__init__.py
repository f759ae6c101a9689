"""The contenders of tools/compare_step.py, one module per family of systems."""
