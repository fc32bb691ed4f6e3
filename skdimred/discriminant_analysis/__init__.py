"""Directions that separate known classes.

`RatioLDA` maximises between-class over within-class scatter. With K classes there are
at most K - 1 such directions: the K class means span an affine space of dimension
K - 1, and outside it no direction tells the means apart.
"""

from skdimred.discriminant_analysis._ratio import RatioLDA

__all__ = ["RatioLDA"]
