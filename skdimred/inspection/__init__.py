"""Pictures of fitted reductions, as scikit-learn's displays; they need matplotlib."""

from skdimred.inspection._discriminant import DiscriminantDisplay
from skdimred.inspection._gallery import ComponentGalleryDisplay
from skdimred.inspection._reconstruction import ReconstructionDisplay
from skdimred.inspection._scree import ScreeDisplay

__all__ = [
    "ComponentGalleryDisplay",
    "DiscriminantDisplay",
    "ReconstructionDisplay",
    "ScreeDisplay",
]
