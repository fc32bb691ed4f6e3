"""Clusters of rows, and rows as their distribution over clusters.

`NcutClustering` cuts a graph of neighbours where little is cut, and predicts.
`ClusterMembership` turns any clusterer into a transformer.
"""

from skdimred.cluster._membership import ClusterMembership
from skdimred.cluster._ncut import NcutClustering

__all__ = ["ClusterMembership", "NcutClustering"]
