"""Names beside points, where they hide least."""

import numpy as np

from skdimred.inspection._panels import with_defaults
from skdimred.inspection._points import settle

__all__ = ["add_texts", "place_texts"]

# From its point a name lies in one of these directions, the first where all are free.
ANGLES = np.deg2rad([0, 180, 90, 270, 45, 315, 135, 225])
# Gaps between a point and its name, in points of print.
GAPS = (4.0, 9.0, 16.0)
# What it costs a name to lie fully beyond the axes, to cover one mark (up to so many of
# them) or a point of a line, to lie a step farther off, and to lie opposite to where it
# should; to cover a name costs 1.
OUTSIDE, MARK, MOST_MARKS, LINE, FAR, OPPOSITE = 8.0, 0.08, 10, 0.3, 0.06, 0.3
SWEEPS = 3


def add_texts(ax, anchors, names, label_kw, **style):
    """Write a name at each anchor (m, 2), with a white rim, for `place_texts`."""
    from matplotlib.patheffects import withStroke
    from matplotlib.text import Text

    style = {
        "fontsize": 9,
        "path_effects": [withStroke(linewidth=2, foreground="white")],
        "zorder": 5,
        **style,
    }
    style = with_defaults(style, label_kw, Text)
    return [
        # Where a name ends up should not change the room of the axes.
        ax.annotate(
            name, at, (0, 0), textcoords="offset points", in_layout=False, **style
        )
        for at, name in zip(anchors, names, strict=True)
    ]


def place_texts(ax, texts, marks, lines=None, directions=None):
    """Move names around their points until they cover little.

    Each name in turn takes the best of some places around its point, given where the
    others lie, a few times over.

    Parameters
    ----------
    ax : Axes
        Complete but for the names.
    texts : list of Annotation
    marks : ndarray of shape (n, 2)
        What should not be covered.
    lines : ndarray of shape (q, 2) or None, default=None
        Points along lines, that should be covered even less.
    directions : ndarray of shape (m, 2) or None, default=None
        Where each name should rather lie, as seen from its point.
    """
    if not texts:
        return
    settle(ax)
    pixel = ax.figure.dpi / 72
    sizes = np.array([text.get_window_extent().size for text in texts])
    anchors = ax.transData.transform([text.xy for text in texts])
    marks = ax.transData.transform(marks)
    lines = ax.transData.transform(np.empty((0, 2)) if lines is None else lines)
    window = np.array(ax.bbox.extents)
    gaps = np.repeat(GAPS, len(ANGLES))
    unit = np.tile(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), (len(GAPS), 1))
    start = FAR * np.repeat(np.arange(len(GAPS)), len(ANGLES))
    # In order, where nothing else decides.
    start = start + 1e-3 * np.tile(np.arange(len(ANGLES)), len(GAPS))
    middles, costs = [], []
    for i, size in enumerate(sizes):
        # A box touches the circle of its gap with a side or a corner.
        side = np.where(np.abs(unit) < 0.1, 0.0, np.sign(unit))
        move = side * size / 2 + unit * gaps[:, np.newaxis] * pixel
        middle = anchors[i] + move
        box = np.hstack([middle - size / 2, middle + size / 2])
        cost = start + OUTSIDE * (1 - _shared(box, window[np.newaxis])[:, 0])
        cost = cost + MARK * np.minimum(_count_inside(box, marks), MOST_MARKS)
        cost = cost + LINE * _count_inside(box, lines)
        if directions is not None:
            cost = cost + OPPOSITE * (1 - unit @ directions[i]) / 2
        middles.append(middle)
        costs.append(cost)
    chosen = _settle(np.array(middles), sizes, np.array(costs))
    for i, text in enumerate(texts):
        text.set_position((middles[i][chosen[i]] - anchors[i]) / pixel)
        text.set(ha="center", va="center")


def _settle(middles, sizes, costs):
    """Which place (m,) each name takes, of middles (m, c, 2)."""
    m = len(sizes)
    boxes = np.full((m, 4), np.inf)
    chosen = np.zeros(m, dtype=np.intp)
    for _ in range(SWEEPS):
        for i in range(m):
            own = np.hstack([middles[i] - sizes[i] / 2, middles[i] + sizes[i] / 2])
            boxes[i] = np.inf
            placed = boxes[np.isfinite(boxes[:, 0])]
            cost = costs[i] + _shared(own, placed).sum(axis=1)
            chosen[i] = np.argmin(cost)
            boxes[i] = own[chosen[i]]
    return chosen


def _count_inside(boxes, points):
    """How many points lie in each box (c, 4)."""
    low, high = boxes[:, np.newaxis, :2], boxes[:, np.newaxis, 2:]
    return ((points > low) & (points < high)).all(axis=2).sum(axis=1)


def _shared(boxes, others):
    """Share of each box (c, 4) that lies within each of the others (k, 4)."""
    low = np.maximum(boxes[:, np.newaxis, :2], others[:, :2])
    high = np.minimum(boxes[:, np.newaxis, 2:], others[:, 2:])
    area = np.clip(high - low, 0, None).prod(axis=2)
    return area / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, np.newaxis]
