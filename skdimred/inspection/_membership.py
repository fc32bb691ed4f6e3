"""How much rows belong to each cluster, as stacked bars."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from skdimred.inspection._panels import (
    class_colours,
    import_pyplot,
    one_axes,
    with_defaults,
)
from skdimred.inspection._points import MOST_IN_LEGEND, check_names, class_legend

__all__ = ["MembershipDisplay"]

# Of 1, by which shares of a row may miss it.
ROUNDING = 1e-4
# More bars than these have no room for a gap between them.
MOST_WITH_GAPS = 60


class MembershipDisplay:
    """Distribution of rows over clusters: a bar of height 1 for each, cut up by shares.

    Use `from_estimator` to draw with a fitted estimator.

    Parameters
    ----------
    membership : array-like of shape (n_samples, n_clusters)
        Shares, each row summing to 1.
    names : sequence of str or None, default=None
        Names of the clusters. None numbers them from 0.
    labels : sequence of str or None, default=None
        Names to write below the bars, one for each row.
    sort : bool, default=True
        Whether rows are put in order: by the cluster that has the most of them, those
        that it has most of first.

    Attributes
    ----------
    bars_ : list of BarContainer
        The shares of each cluster.
    order_ : ndarray of int of shape (n_samples,)
        Row that each bar stands for.
    legend_ : Legend or None
        Names of the clusters, if they are 20 at most.
    ax_ : Axes
        Holds the bars.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    EmbeddingDisplay : Rows as points.
    EigengapDisplay : How many clusters there may be.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from skdimred.cluster import ClusterMembership
    >>> from skdimred.inspection import MembershipDisplay
    >>> X = load_iris().data
    >>> member = ClusterMembership(KMeans(3, random_state=0)).fit(X)
    >>> display = MembershipDisplay.from_estimator(member, X[::10])
    >>> len(display.bars_), display.order_.shape
    (3, (15,))
    """

    def __init__(self, *, membership, names=None, labels=None, sort=True):
        self.membership = membership
        self.names = names
        self.labels = labels
        self.sort = sort

    @classmethod
    def from_estimator(
        cls, estimator, X, *, names=None, labels=None, sort=True, ax=None, bar_kw=None
    ):
        """Draw the distribution that a fitted estimator gives to rows.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `predict_proba`, or with a
            `transform` whose rows sum to 1; a Pipeline that ends in one, too.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to draw.
        names : sequence of str or None, default=None
            Names of the clusters. None takes `classes_`, or numbers.
        labels : sequence of str or None, default=None
            Names to write below the bars, one for each row.
        sort : bool, default=True
            Whether rows are put in order.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        bar_kw : dict or None, default=None
            Keywords for the bars.

        Returns
        -------
        display : MembershipDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator gives no distribution, or there is not one name for each.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        for method in ("predict_proba", "transform"):
            if hasattr(estimator, method):
                share = getattr(estimator, method)(X)
                break
        else:
            raise ValueError(
                "estimator must have predict_proba or transform; found "
                f"{type(estimator).__name__}, which has neither."
            )
        if names is None:
            names = getattr(estimator, "classes_", None)
        display = cls(membership=share, names=names, labels=labels, sort=sort)
        return display.plot(ax, bar_kw=bar_kw)

    def plot(self, ax=None, *, bar_kw=None):
        """Draw the bars.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        bar_kw : dict or None, default=None
            Keywords for the bars.

        Returns
        -------
        display : MembershipDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If shares are negative or do not sum to 1 in a row, or there is not one
            name for each.
        ImportError
            If matplotlib is not installed.
        """
        share, names, labels = self._checked()
        plt = import_pyplot(self)
        from matplotlib.patches import Rectangle

        n, k = share.shape
        self.order_ = np.arange(n)
        if self.sort:
            most = share.argmax(axis=1)
            self.order_ = np.lexsort((-share[self.order_, most], most))
        share = share[self.order_]
        self.ax_ = ax = one_axes(plt, ax)
        self.figure_ = ax.figure
        colours, self.bars_ = class_colours(plt, k), []
        width = 0.9 if n <= MOST_WITH_GAPS else 1.0
        bottom = np.zeros(n)
        for c in range(k):
            style = {"color": colours[c], "width": width, "label": names[c]}
            style = with_defaults(style, bar_kw, Rectangle)
            bars = ax.bar(np.arange(n), share[:, c], bottom=bottom, **style)
            self.bars_.append(bars)
            bottom += share[:, c]
        ax.set_xlim(-0.6, n - 0.4)
        ax.set_ylim(0, 1)
        ax.set_ylabel("share")
        ax.set_xticks([])
        ax.set_xlabel("row")
        if labels is not None:
            ax.set_xticks(np.arange(n), [labels[i] for i in self.order_], rotation=90)
            ax.set_xlabel("")
        ax.spines[["top", "right"]].set_visible(False)
        self.legend_ = None
        if k <= MOST_IN_LEGEND:
            self.legend_ = class_legend(ax, self.bars_, "cluster")
        return self

    def _checked(self):
        share = check_array(self.membership, dtype=np.float64, input_name="membership")
        wrong = (share < 0).any(axis=1) | (np.abs(share.sum(axis=1) - 1) > ROUNDING)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                "Each row of membership must hold shares that sum to 1; found "
                f"{share[row].round(3).tolist()} in row {row}."
            )
        n, k = share.shape
        names = [str(c) for c in range(k)] if self.names is None else self.names
        names = check_names(names, "names", k, "clusters")
        labels = self.labels
        if labels is not None:
            labels = check_names(labels, "labels", n, "rows")
        return share, names, labels
