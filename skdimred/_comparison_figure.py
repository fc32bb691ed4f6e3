"""A comparison as one picture: embeddings side by side, scores, speeds."""

import warnings

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from skdimred._comparison_report import three_digits

__all__ = ["align", "draw"]

# Ours and the peer's: blue and vermillion of Okabe and Ito, apart in grey as well.
OURS, PEER, REFERENCE = "#0072B2", "#D55E00", "0.35"
# Paul Tol's 'muted' scheme, told apart by every kind of eye; markers say it twice.
CLASS_COLOURS = (
    *("#332288", "#CC6677", "#117733", "#DDCC77", "#88CCEE"),
    *("#882255", "#44AA99", "#999933", "#AA4499", "#777777"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
MOST_POINTS = 3000  # more hide one another and make the file slow to open


def align(embedding, reference):
    """Rotate and reflect `embedding` (n, k) onto `reference`; no scaling.

    Signs and rotations carry no meaning, so after the orthogonal map nearest to the
    reference (the Procrustes problem) only real differences are left to see.
    """
    centred = embedding - embedding.mean(axis=0)
    target = reference - reference.mean(axis=0)
    left, _, right = np.linalg.svd(centred.T @ target)
    return centred @ (left @ right) + reference.mean(axis=0)


def draw(results, plan, title, path):
    """Write the picture of what could be compared to `path` (PNG)."""
    results = [result for result in results if result.row["status"] != "left out"]
    rows = max(len(results), 1)
    figure = Figure(figsize=(13, 3.3 * rows + 1.3), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    figure.suptitle(_plain(f"{title}: skdimred beside scikit-learn"), fontsize=14)
    grid = figure.add_gridspec(rows, 4, width_ratios=(1, 1, 1.05, 0.9))
    groups = _Groups(plan)
    for i, result in enumerate(results):
        axes = [figure.add_subplot(grid[i, j]) for j in range(3)]
        _draw_embeddings(axes[:2], result, groups)
        _draw_scores(axes[2], result, last=i == rows - 1)
    _draw_speeds(figure.add_subplot(grid[:, 3]), results)
    groups.add_legend(figure)
    with warnings.catch_warnings():
        # A class name in a script that the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.savefig(path)


def _plain(text):
    """Text that matplotlib takes for neither mathematics nor a hidden label."""
    text = str(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


class _Groups:
    """Which rows are drawn, and each with the colour and marker of its class."""

    def __init__(self, plan):
        n, codes = len(plan.X), plan.target.codes
        rng = np.random.default_rng(0)
        self.drawn = np.sort(rng.permutation(n)[:MOST_POINTS])
        self.hidden = n - len(self.drawn)
        if codes is None:
            self.parts = [("rows", self.drawn, OURS, "o")]
            return
        most = len(CLASS_COLOURS)
        order = np.argsort(-plan.target.counts, kind="stable")
        own = np.sort(order[: most if len(order) <= most else most - 1])
        self.parts = [
            (
                _plain(plan.target.classes[c])[:18],
                self.drawn[codes[self.drawn] == c],
                CLASS_COLOURS[i],
                MARKERS[i],
            )
            for i, c in enumerate(own)
        ]
        if len(own) < len(order):
            others = self.drawn[~np.isin(codes[self.drawn], own)]
            name = f"{len(order) - len(own)} other classes"
            self.parts.insert(0, (name, others, "0.8", "."))

    def scatter(self, ax, embedding):
        """Draw an embedding (n, 2), or (n, 1) with each class on a line of its own."""
        jitter = np.random.default_rng(0).uniform(-0.32, 0.32, len(embedding))
        size = 14 if len(self.drawn) < 400 else 7
        layers = 8  # of every class in turn, so that no class covers the others
        for layer in range(layers):
            for line, (_, rows, colour, marker) in enumerate(self.parts):
                some = rows[layer::layers]
                x, y = embedding[some, 0], line + jitter[some]
                if embedding.shape[1] > 1:
                    y = embedding[some, 1]
                ax.scatter(x, y, size, c=colour, marker=marker, lw=0, alpha=0.75)
        ax.set_xticks([])
        ax.set_yticks([])

    def add_legend(self, figure):
        """Name the classes below the panels."""
        names = [name for name, *_ in self.parts]
        handles = [
            Line2D([], [], color=colour, marker=marker, ls="", ms=7)
            for _, _, colour, marker in self.parts
        ]
        if len(names) == 1:
            return
        title = f"{self.hidden} rows not drawn" if self.hidden else None
        figure.legend(
            handles,
            names,
            loc="outside lower center",
            ncols=min(len(names), 10),
            frameon=False,
            title=title,
            handletextpad=0.1,
            columnspacing=1.2,
        )


def _draw_embeddings(axes, result, groups):
    """Ours and the peer's embedding, the peer's turned onto ours."""
    ours, peer = result.ours.embedding, result.peer.embedding
    turned = ours is not None and peer is not None and ours.shape == peer.shape
    if turned:
        peer = align(peer, ours)
    both = [Z for Z in (ours, peer) if Z is not None]
    for ax, (side, path), Z in zip(axes, result.sides(), (ours, peer), strict=True):
        package, _, name = path.replace(":", ".").partition(".")
        ax.set_title(f"{package}: {name.split('.')[-1]}", fontsize=11)
        if Z is None:
            failed = side.error is not None
            _say_nothing(ax, "failed: see the table" if failed else "no coordinates")
            continue
        groups.scatter(ax, Z)
        # Answers to different problems have units of their own.
        alike = result.pair.subspace is not None
        _set_limits(ax, np.concatenate(both) if alike else Z)
    if both:
        flat = both[0].shape[1] > 1
        shape = (
            "first 2 components," if flat else "the only component (a class a line),"
        )
        axes[0].set_xlabel(f"{shape}\nfitted on all rows", fontsize=9)
    if turned:
        axes[1].set_xlabel(f"turned onto the left one\n{_say_sine(result.row)}", size=9)


def _set_limits(ax, Z):
    """Square panel around all points, one unit as long across as up."""
    ax.set_box_aspect(1)
    half = 0.54 * (np.ptp(Z, axis=0).max() or 1.0)
    centre = (Z.max(axis=0) + Z.min(axis=0)) / 2
    ax.set_xlim(centre[0] - half, centre[0] + half)
    if Z.shape[1] > 1:
        ax.set_ylim(centre[1] - half, centre[1] + half)


def _say_sine(row):
    """Say whether the subspaces that were compared are the same."""
    if row["subspace_sine"] is None:
        return "no subspace to compare"
    k, sine = row["compared_n_components"], row["subspace_sine"]
    if row["same_subspace"]:
        return f"same subspace at {k} (sine {sine:.1g})"
    return f"another subspace at {k} (sine {sine:.1g})"


def _say_nothing(ax, text):
    """Leave a panel empty, and say why."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)


def _draw_scores(ax, result, last):
    """Mean score and spread over folds of both, for each number of components."""
    styles = (
        ("skdimred", result.ours, OURS, "o", "-"),
        ("scikit-learn", result.peer, PEER, "s", "--"),
    )
    for name, side, colour, marker, line in styles:
        if side.means is None:
            continue
        hollow = {"mfc": "none", "ms": 9} if name == "scikit-learn" else {"ms": 5}
        at = np.arange(len(side.grid))
        ax.errorbar(
            at,
            side.means,
            side.stds,
            c=colour,
            marker=marker,
            ls=line,
            label=name,
            capsize=3,
            **hollow,
        )
        ax.set_xticks(at, [str(k) for k in side.grid])
        ax.legend(frameon=False, fontsize=9, loc="best")
    ax.set_title(f"{result.pair.name}, {result.row['scoring']}", fontsize=11)
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if last:
        ax.set_xlabel("n_components")


def _draw_speeds(ax, results):
    """Peer's time over ours, on a log axis so that 2 and 1/2 are as far from 1."""
    bars = [
        (f"{result.pair.name}\n{step}", result.row[f"{step}_ratio"])
        for result in results
        for step in ("fit", "transform")
        if result.row[f"{step}_ratio"]
    ]
    ax.set_title("speed-up", fontsize=11)
    if not bars:
        _say_nothing(ax, "nothing was timed")
        return
    names, ratios = zip(*bars, strict=True)
    at = np.arange(len(bars))
    ratios = np.array(ratios)
    colours = [OURS if ratio >= 1 else PEER for ratio in ratios]
    ax.set_xscale("log")
    ax.axvline(1, color=REFERENCE, lw=1, zorder=1)
    ax.hlines(at, 1, ratios, colors=colours, lw=5, zorder=2)
    ax.scatter(ratios, at, 70, c=colours, zorder=3)
    for y, ratio in zip(at, ratios, strict=True):
        # Right of the line in any case, as names are at the left.
        ax.annotate(
            f"{three_digits(ratio)}x",
            (max(ratio, 1), y),
            (8, 0),
            textcoords="offset points",
            va="center",
        )
    ax.set_yticks(at, names)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel(
        "scikit-learn's time / skdimred's\n(right of the line: skdimred is faster)"
    )
    _label_ratios(ax, ratios)


def _label_ratios(ax, ratios):
    """Ticks at round ratios, with room for the labels right of the bars."""
    low, high = min(ratios.min(), 0.8), max(ratios.max(), 1.25)
    room = (high / low) ** 0.35  # a label takes about a third of the axis
    low, high = low / room**0.3, high * room
    steps = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000])
    if high / low > 500:
        # Whole powers with 1 among them, few enough for their labels.
        apart = int(np.ceil(np.log10(high / low) / 4))
        steps = 10.0 ** (apart * np.arange(-4, 5))
    ticks = steps[(steps >= low) & (steps <= high)]
    ax.set_xlim(low, high)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
