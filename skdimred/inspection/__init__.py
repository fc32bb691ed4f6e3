"""Pictures of fitted reductions, as scikit-learn's displays; they need matplotlib."""

from skdimred.inspection._biplot import BiplotDisplay
from skdimred.inspection._discriminant import DiscriminantDisplay
from skdimred.inspection._eigengap import EigengapDisplay
from skdimred.inspection._embedding import EmbeddingDisplay
from skdimred.inspection._gallery import ComponentGalleryDisplay
from skdimred.inspection._membership import MembershipDisplay
from skdimred.inspection._reconstruction import ReconstructionDisplay
from skdimred.inspection._scree import ScreeDisplay
from skdimred.inspection._shepard import ShepardDisplay

__all__ = [
    "BiplotDisplay",
    "ComponentGalleryDisplay",
    "DiscriminantDisplay",
    "EigengapDisplay",
    "EmbeddingDisplay",
    "MembershipDisplay",
    "ReconstructionDisplay",
    "ScreeDisplay",
    "ShepardDisplay",
]
