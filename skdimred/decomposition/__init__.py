"""Matrix decompositions: principal components and what follows from them."""

from skdimred.decomposition._pca import PCA

__all__ = ["PCA"]
