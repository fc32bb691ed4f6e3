"""The lowest eigenvalues of a graph, and the gaps between them."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdimred.inspection._panels import (
    BLUE,
    DARK,
    VERMILLION,
    check_count,
    check_step,
    import_pyplot,
    one_axes,
    with_defaults,
)
from skdimred.numerics.bipartite import landmark_weights
from skdimred.numerics.cut import as_graph
from skdimred.numerics.graph import tidy
from skdimred.numerics.laplacian import low_spectrum
from skdimred.numerics.threads import one_blas_thread

__all__ = ["EigengapDisplay"]


class EigengapDisplay:
    r"""Lowest eigenvalues of a graph, and the largest gap between them.

    Use `from_estimator` to draw those of a fitted clusterer. A graph of k components
    has k eigenvalues 0 of :math:`(D - W) v = \lambda D v`. Where k clusters are nearly
    components, k eigenvalues are small and a gap follows: a hint at how many clusters
    there are, and no more. Of data whose clusters are of different widths, or in
    groups, the largest gap is often elsewhere.

    Parameters
    ----------
    eigenvalues : array-like of shape (m,)
        Ascending, two at least.
    n_clusters : int or None, default=None
        How many clusters were made, for a line after so many of them.

    Attributes
    ----------
    largest_gap_ : int
        How many eigenvalues are below the largest gap.
    points_ : Line2D
        The eigenvalues.
    gap_line_ : Line2D
        The largest gap.
    cluster_line_ : Line2D or None
        After `n_clusters` of them.
    ax_ : Axes
        Holds all of them.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    ScreeDisplay : How much each component of a decomposition carries.
    MembershipDisplay : How much rows belong to each cluster.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skdimred.cluster import NcutClustering
    >>> from skdimred.inspection import EigengapDisplay
    >>> X, _ = make_blobs(300, centers=4, cluster_std=1.2, random_state=3)
    >>> ncut = NcutClustering(3, random_state=0).fit(X)
    >>> EigengapDisplay.from_estimator(ncut).largest_gap_
    4
    """

    def __init__(self, *, eigenvalues, n_clusters=None):
        self.eigenvalues = eigenvalues
        self.n_clusters = n_clusters

    @classmethod
    def from_estimator(
        cls, estimator, *, n_eigenvalues=None, ax=None, point_kw=None, gap_kw=None
    ):
        """Draw the eigenvalues of the graph of a fitted clusterer.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `affinity_matrix_`: `NcutClustering`, with landmarks or
            without, or `sklearn.cluster.SpectralClustering`.
        n_eigenvalues : int or None, default=None
            How many to draw, at least 2. None for two more than twice `n_clusters`, or
            all there are.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        point_kw : dict or None, default=None
            Keywords for the eigenvalues.
        gap_kw : dict or None, default=None
            Keywords for the largest gap.

        Returns
        -------
        display : EigengapDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no `affinity_matrix_`, or `n_eigenvalues` is out of its range.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        check_is_fitted(estimator)
        W = getattr(estimator, "affinity_matrix_", None)
        if W is None:
            raise ValueError(
                "estimator must have affinity_matrix_, the weights of a graph; found "
                f"{type(estimator).__name__}, which has none."
            )
        W = tidy(W)
        if W.shape[0] != W.shape[1]:
            W = landmark_weights(W)
        n, k = W.shape[0], getattr(estimator, "n_clusters", None)
        if n_eigenvalues is None:
            m = min(n, 10 if k is None else 2 * int(k) + 2)
        else:
            m = check_count(n_eigenvalues, "n_eigenvalues", n, "rows")
        mass = None
        if getattr(estimator, "criterion", "ncut") == "ratiocut":
            mass = np.ones(n)
        with one_blas_thread():
            values = low_spectrum(as_graph(W, mass), m).values
        display = cls(eigenvalues=values, n_clusters=k)
        return display.plot(ax, point_kw=point_kw, gap_kw=gap_kw)

    def plot(self, ax=None, *, point_kw=None, gap_kw=None):
        """Draw the eigenvalues.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        point_kw : dict or None, default=None
            Keywords for the eigenvalues.
        gap_kw : dict or None, default=None
            Keywords for the largest gap.

        Returns
        -------
        display : EigengapDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If there are fewer than two eigenvalues, or they do not ascend.
        ImportError
            If matplotlib is not installed.
        """
        values = np.asarray(self.eigenvalues, dtype=np.float64)
        gaps = np.diff(values) if values.ndim == 1 else np.empty(0)
        if not len(gaps) or not (gaps >= 0).all() or not np.isfinite(values).all():
            raise ValueError(
                "eigenvalues must be two or more finite numbers in ascending order; "
                f"found {self.eigenvalues!r}."
            )
        plt = import_pyplot(self)
        from matplotlib.ticker import MaxNLocator

        self.ax_ = ax = one_axes(plt, ax)
        self.figure_ = ax.figure
        self.largest_gap_ = j = int(gaps.argmax()) + 1
        style = {"color": BLUE, "marker": "o", "linestyle": "none", "markersize": 5}
        style["label"] = "eigenvalue"
        style = with_defaults(style, point_kw, plt.Line2D)
        self.points_ = ax.plot(np.arange(1, len(values) + 1), values, **style)[0]
        style = {"color": VERMILLION, "linewidth": 2.5}
        style["label"] = f"largest gap, after {j}"
        style = with_defaults(style, gap_kw, plt.Line2D)
        self.gap_line_ = ax.plot([j + 0.5] * 2, values[[j - 1, j]], **style)[0]
        self.cluster_line_ = None
        if self.n_clusters is not None and self.n_clusters < len(values):
            line = {"color": DARK, "linestyle": "--", "linewidth": 1, "zorder": 0}
            line["label"] = f"n_clusters={self.n_clusters}"
            self.cluster_line_ = ax.axvline(self.n_clusters + 0.5, **line)
        ax.set_xlabel("number")
        ax.set_ylabel(r"eigenvalue $\lambda$")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_xlim(0.4, len(values) + 0.6)
        ax.set_ylim(bottom=-0.03 * values[-1] if values[-1] > 0 else -0.03)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="lower right")
        return self
