"""Dimension reduction beside scikit-learn's own: same contract, exact answers."""

__version__ = "0.1.0.dev0"
