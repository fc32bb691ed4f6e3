"""Points whose distances are those given.

`PCoA`, principal coordinates analysis, also known as classical multidimensional
scaling: from any distance among rows to coordinates, and for new rows as well.
"""

from skdimred.manifold._pcoa import PCoA

__all__ = ["PCoA"]
