"""
Which map do distances draw?
============================

Principal coordinates are points whose distances come as close as they can to those
given. Nobody has to say where north is, or that the Earth is round: both would have to
come out of the distances.
"""

# %%
# Forty-four cities by latitude and longitude. `metric="great_circle"` takes degrees and
# measures along the surface, in kilometres.
import warnings

import matplotlib.pyplot as plt
import numpy as np

from skdimred.manifold import PCoA
from skdimred.metrics import great_circle_distances

CITIES = {
    "Africa": {
        "Cairo": (30.04, 31.24),
        "Cape Town": (-33.92, 18.42),
        "Casablanca": (33.57, -7.59),
        "Kinshasa": (-4.32, 15.31),
        "Lagos": (6.45, 3.39),
        "Nairobi": (-1.29, 36.82),
    },
    "America": {
        "Anchorage": (61.22, -149.90),
        "Bogota": (4.71, -74.07),
        "Buenos Aires": (-34.60, -58.38),
        "Chicago": (41.88, -87.63),
        "Havana": (23.11, -82.37),
        "Honolulu": (21.31, -157.86),
        "Lima": (-12.05, -77.04),
        "Los Angeles": (34.05, -118.24),
        "Mexico City": (19.43, -99.13),
        "New York": (40.71, -74.01),
        "Santiago": (-33.45, -70.67),
        "Sao Paulo": (-23.55, -46.63),
        "Vancouver": (49.28, -123.12),
    },
    "Asia and Oceania": {
        "Auckland": (-36.85, 174.76),
        "Beijing": (39.90, 116.41),
        "Delhi": (28.61, 77.21),
        "Jakarta": (-6.21, 106.85),
        "Manila": (14.60, 120.98),
        "Perth": (-31.95, 115.86),
        "Riyadh": (24.71, 46.68),
        "Singapore": (1.35, 103.82),
        "Sydney": (-33.87, 151.21),
        "Tashkent": (41.30, 69.24),
        "Tokyo": (35.68, 139.69),
    },
    "Europe": {
        "Athens": (37.98, 23.73),
        "Berlin": (52.52, 13.41),
        "Dublin": (53.35, -6.26),
        "Helsinki": (60.17, 24.94),
        "Istanbul": (41.01, 28.98),
        "Kyiv": (50.45, 30.52),
        "Lisbon": (38.72, -9.14),
        "London": (51.51, -0.13),
        "Madrid": (40.42, -3.70),
        "Oslo": (59.91, 10.75),
        "Paris": (48.86, 2.35),
        "Rome": (41.89, 12.51),
        "Vienna": (48.21, 16.37),
        "Warsaw": (52.23, 21.01),
    },
}
names = [name for cities in CITIES.values() for name in cities]
places = np.array([place for cities in CITIES.values() for place in cities.values()])
continent = np.repeat(list(CITIES), [len(cities) for cities in CITIES.values()])

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    world = PCoA(5, metric="great_circle").fit(places)
for warning in caught:
    print(warning.message)
print("shares of the axes", world.explained_variance_ratio_.round(3))

# %%
# The warning is the curvature of the Earth. No points of a flat space have these
# distances: half-way between two antipodes it has one place, and not a whole circle of
# them. Three axes carry nearly all, and the fourth a good deal less.
#
# Three, because a sphere stands in three dimensions. Ways along its surface give it
# back swollen, since they are longer than the chords inside, and most of all for points
# far apart. So the axes are turned, shifted and scaled on the directions of the cities
# from the centre of the Earth, by least squares, and held against them.


def laid_on(coordinates, truth):
    """Points turned, mirrored, scaled and shifted on others, and the scale."""
    target = truth - truth.mean(axis=0)
    U, s, Vt = np.linalg.svd(coordinates.T @ target)
    scale = s.sum() / np.sum(coordinates**2)
    return scale * coordinates @ (U @ Vt) + truth.mean(axis=0), scale


latitude, longitude = np.deg2rad(places).T
sphere = np.column_stack(
    [
        np.cos(latitude) * np.cos(longitude),
        np.cos(latitude) * np.sin(longitude),
        np.sin(latitude),
    ]
)
ball, scale = laid_on(world.embedding_[:, :3], sphere)
radius = np.linalg.norm(ball, axis=1)
angle = np.rad2deg(np.arccos(np.sum(ball * sphere, axis=1) / radius))
print(f"radius of the Earth: {1 / scale:.0f} km, and it is 6371")
print(f"radius of a city, over that: {radius.min():.2f} to {radius.max():.2f}")
print(f"off by {np.median(angle):.1f} degrees (median), {angle.max():.1f} at most")

# %%
# Filled marks are where the axes put the cities in sight, hollow ones where they are.
COLOURS = dict(zip(CITIES, ("#D55E00", "#0072B2", "#009E73", "#CC79A7"), strict=True))
figure, axes = plt.subplots(1, 2, figsize=(10, 5.4), layout="constrained")
for ax, title, eye, quiet in (
    (axes[0], "from above the Gulf of Guinea", 0, {"Chicago", "Santiago"}),
    (axes[1], "from above the Bay of Bengal", 90, {"Kinshasa"}),
):
    turn = np.deg2rad(eye)
    right = np.array([-np.sin(turn), np.cos(turn), 0])
    towards = np.array([np.cos(turn), np.sin(turn), 0])
    for name, colour in COLOURS.items():
        own = (continent == name) & (sphere @ towards > 0)
        for points, fill in ((sphere, "none"), (ball, colour)):
            ax.scatter(
                points[own] @ right,
                points[own, 2],
                s=24,
                fc=fill,
                ec=colour,
                label=name if fill == colour else None,
            )
        for i in np.flatnonzero(own):
            ends = np.stack([sphere[i], ball[i]])
            ax.plot(ends @ right, ends[:, 2], c=colour, lw=0.8)
            if name != "Europe" and names[i] not in quiet:
                spot = ball[i] @ right, ball[i, 2]
                ax.annotate(
                    names[i], spot, (4, 3), textcoords="offset points", fontsize=7
                )
    ax.add_patch(plt.Circle((0, 0), 1, fc="none", ec="0.8", zorder=0))
    ax.set(title=title, aspect="equal", xlim=(-1.4, 1.5), ylim=(-1.15, 1.2))
    ax.set_axis_off()
figure.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=4,
    frameon=False,
)
plt.show()

# %%
# A continent is nearly flat, and two axes are a map. Here is Europe from its distances,
# beside its places. Which way is north, and whether the map is seen from above or from
# below, distances do not say: the map is turned and mirrored on the truth.
#
# Crosses are cities that took no part. `transform` puts them where their distances to
# the others say.
european = continent == "Europe"
truth = places[european]
europe = PCoA(2, metric="great_circle").fit(truth)
print("shares of the axes", europe.explained_variance_ratio_.round(3))

NEW = {"Brussels": (50.85, 4.35), "Bucharest": (44.43, 26.10), "Riga": (56.95, 24.11)}
new_places = np.array(list(NEW.values()))
flat = truth[:, ::-1] * [np.cos(np.deg2rad(50)), 1]  # degrees of latitude
U, _, Vt = np.linalg.svd(europe.embedding_.T @ (flat - flat.mean(axis=0)))
fitted_map = europe.embedding_ @ (U @ Vt)
new_map = europe.transform(new_places) @ (U @ Vt)

figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for ax, fitted, new in (
    (axes[0], fitted_map, new_map),
    (axes[1], truth[:, ::-1], new_places[:, ::-1]),
):
    ax.scatter(*fitted.T, c=COLOURS["Europe"], s=24)
    ax.scatter(*new.T, c="k", marker="x", s=30)
    for name, spot in zip(
        [*np.array(names)[european], *NEW], [*fitted, *new], strict=True
    ):
        ax.annotate(name, spot, (4, 4), textcoords="offset points", fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(0.12)
axes[0].set(title="two axes, from distances", xlabel="km", ylabel="km", aspect="equal")
axes[1].set(
    title="where they are",
    xlabel="degrees east",
    ylabel="degrees north",
    aspect=1 / np.cos(np.deg2rad(50)),
)
plt.show()

# %%
# What the map costs, in kilometres:
every_map = np.vstack([fitted_map, new_map])
every_place = np.vstack([truth, new_places])
on_map = np.linalg.norm(every_map[:, np.newaxis] - every_map, axis=2)
off = np.abs(on_map - great_circle_distances(every_place))
print(f"mean distance {on_map[on_map > 0].mean():.0f} km")
print(f"mean error {off[on_map > 0].mean():.0f} km, largest {off.max():.0f} km")
