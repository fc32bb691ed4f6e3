"""Codes that a network finds."""

from skdimred.neural_network._autoencoder import Autoencoder

__all__ = ["Autoencoder"]
