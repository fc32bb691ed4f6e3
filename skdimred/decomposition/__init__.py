"""Matrix decompositions: principal components and what follows from them."""

from skdimred.decomposition._nmf import NMF
from skdimred.decomposition._pca import PCA
from skdimred.decomposition._svd import TruncatedSVD, low_rank_factors

__all__ = ["NMF", "PCA", "TruncatedSVD", "low_rank_factors"]
