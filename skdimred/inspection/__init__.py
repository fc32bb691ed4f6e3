"""Pictures of fitted reductions, as scikit-learn's displays; they need matplotlib."""

from skdimred.inspection._biplot import BiplotDisplay
from skdimred.inspection._convergence import ConvergenceDisplay
from skdimred.inspection._discriminant import DiscriminantDisplay
from skdimred.inspection._eigengap import EigengapDisplay
from skdimred.inspection._embedding import EmbeddingDisplay
from skdimred.inspection._factors import FactorHeatmapDisplay
from skdimred.inspection._gallery import ComponentGalleryDisplay
from skdimred.inspection._loss_curve import LossCurveDisplay
from skdimred.inspection._membership import MembershipDisplay
from skdimred.inspection._reconstruction import ReconstructionDisplay
from skdimred.inspection._scree import ScreeDisplay
from skdimred.inspection._shepard import ShepardDisplay

__all__ = [
    "BiplotDisplay",
    "ComponentGalleryDisplay",
    "ConvergenceDisplay",
    "DiscriminantDisplay",
    "EigengapDisplay",
    "EmbeddingDisplay",
    "FactorHeatmapDisplay",
    "LossCurveDisplay",
    "MembershipDisplay",
    "ReconstructionDisplay",
    "ScreeDisplay",
    "ShepardDisplay",
]
