"""Dimension reduction beside scikit-learn's own: same contract, exact answers."""

from skdimred.cluster import ClusterMembership, NcutClustering
from skdimred.compare import compare
from skdimred.decomposition import (
    NMF,
    PCA,
    BiasedMF,
    BiasedMFCV,
    BiasedMFImputer,
    BiasedMFRegressor,
    TruncatedSVD,
    low_rank_factors,
)
from skdimred.discriminant_analysis import (
    DifferenceLDA,
    MeanDifferenceLDA,
    RatioLDA,
)
from skdimred.manifold import PCoA
from skdimred.neural_network import Autoencoder

__all__ = [
    "NMF",
    "PCA",
    "Autoencoder",
    "BiasedMF",
    "BiasedMFCV",
    "BiasedMFImputer",
    "BiasedMFRegressor",
    "ClusterMembership",
    "DifferenceLDA",
    "MeanDifferenceLDA",
    "NcutClustering",
    "PCoA",
    "RatioLDA",
    "TruncatedSVD",
    "compare",
    "low_rank_factors",
]
__version__ = "0.1.0"
