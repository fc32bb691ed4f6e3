"""Dimension reduction beside scikit-learn's own: same contract, exact answers."""

from skdimred.decomposition import PCA
from skdimred.discriminant_analysis import RatioLDA

__all__ = ["PCA", "RatioLDA"]
__version__ = "0.1.0"
