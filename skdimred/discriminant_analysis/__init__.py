"""Directions that separate known classes.

`RatioLDA` maximises between-class over within-class scatter, `DifferenceLDA` the one
minus the other, and `MeanDifferenceLDA`, for two classes, the distance of the means.
With K classes there are at most K - 1 useful directions: the K class means span an
affine space of dimension K - 1, and outside it no direction tells the means apart.
"""

from skdimred.discriminant_analysis._difference import DifferenceLDA
from skdimred.discriminant_analysis._mean_difference import MeanDifferenceLDA
from skdimred.discriminant_analysis._ratio import RatioLDA

__all__ = ["DifferenceLDA", "MeanDifferenceLDA", "RatioLDA"]
