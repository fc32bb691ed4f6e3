"""Dimension reduction beside scikit-learn's own: same contract, exact answers."""

from skdimred.cluster import ClusterMembership, NcutClustering
from skdimred.compare import compare
from skdimred.decomposition import PCA, TruncatedSVD, low_rank_factors
from skdimred.discriminant_analysis import (
    DifferenceLDA,
    MeanDifferenceLDA,
    RatioLDA,
)
from skdimred.manifold import PCoA

__all__ = [
    "PCA",
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
