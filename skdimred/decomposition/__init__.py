"""Matrix decompositions: principal components and what follows from them."""

from skdimred.decomposition._biased_mf import BiasedMF
from skdimred.decomposition._biased_mf_cv import BiasedMFCV
from skdimred.decomposition._mf_imputer import BiasedMFImputer
from skdimred.decomposition._mf_regressor import BiasedMFRegressor
from skdimred.decomposition._nmf import NMF
from skdimred.decomposition._pca import PCA
from skdimred.decomposition._svd import TruncatedSVD, low_rank_factors

__all__ = [
    "NMF",
    "PCA",
    "BiasedMF",
    "BiasedMFCV",
    "BiasedMFImputer",
    "BiasedMFRegressor",
    "TruncatedSVD",
    "low_rank_factors",
]
