"""
What would this person like?
============================

Four hundred people have each rated some of 150 films from 1 to 5; popular films have
many ratings, others few. Which penalty and how many factors predict ratings that were
held out? And which films should a new person be shown, who has rated six?

The ratings are drawn from a known model, so that the answer can be checked.
"""

# %%
# People and films have biases, and three tastes decide the rest.
import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.model_selection import GridSearchCV, KFold

from skdimred import BiasedMF, BiasedMFCV
from skdimred.inspection import ConvergenceDisplay
from skdimred.model_selection import Cells

rng = np.random.default_rng(0)
n_people, n_films = 400, 150
taste, film = rng.normal(size=(n_people + 1, 3)), rng.normal(size=(n_films, 3))
truth = 3.2 + 0.4 * taste @ film.T
truth += 0.4 * rng.normal(size=(n_people + 1, 1)) + 0.5 * rng.normal(size=n_films)
stars = np.clip(np.round(truth + 0.6 * rng.normal(size=truth.shape)), 1, 5)
popularity = np.geomspace(0.5, 0.02, n_films)
rated = rng.random(truth.shape) < popularity
rated[-1] = np.isin(np.arange(n_films), [2, 9, 20, 33, 41, 60])
ratings = sparse.coo_array((stars[rated], np.nonzero(rated)), shape=truth.shape).tocsr()
people, newcomer = ratings[:-1], ratings[[-1]]
print(f"{people.nnz} ratings, {people.nnz / np.prod(people.shape):.0%} of the table")

# %%
# `Cells` makes samples of the known cells, so that scikit-learn's own search holds out
# ratings and not people.
cells = Cells.from_matrix(people)
grid = {"n_components": [0, 1, 3, 6], "alpha": [1.0, 4.0, 16.0]}
folds = KFold(5, shuffle=True, random_state=0)
search = GridSearchCV(BiasedMF(random_state=0), grid, cv=folds).fit(cells)
print(search.best_params_, f"error {-search.best_score_:.3f}")

# %%
# `BiasedMFCV` does the same along a whole path of penalties, each fit from where the
# last one ended. Too many factors want a larger penalty, which does not make up for all
# that they cost.
cv = BiasedMFCV([1, 3, 6, 12], alphas=12, alpha_bias=2.0, random_state=0).fit(people)
figure, ax = plt.subplots(layout="constrained")
for k, errors in zip(cv.n_components, cv.rmse_path_.mean(axis=2), strict=True):
    ax.plot(cv.alphas_, errors, marker="o", markersize=4, label=f"K = {k}")
ax.axhline(0.6, color="0.6", linestyle="--", label="noise in the ratings")
ax.set(xscale="log", xlabel="alpha", ylabel="error on held-out ratings (stars)")
ax.set_ylim(0.5)
ax.legend(frameon=False, loc="upper center")

# %%
# When is a fit done? One in ten ratings is left out of it, and its error followed sweep
# by sweep. The objective goes on to fall where the error (dashed) has long been lowest.
fits = {
    f"alpha = {alpha:g}": BiasedMF(
        6,
        alpha=alpha,
        alpha_bias=2.0,
        validation_fraction=0.1,
        tol=0,
        max_iter=25,
        random_state=0,
    ).fit(people)
    for alpha in (1.0, 4.0)
}
ConvergenceDisplay.from_estimators(fits, view="relative")

# %%
# The newcomer was not there at fit. `top_n` folds the six ratings in and ranks the
# films that are not yet rated; with so few ratings it leans on the films' biases.
best, predicted = cv.top_n(newcomer, 5)
for j, guess in zip(best[0], predicted[0], strict=True):
    print(f"film {j:3}: predicted {guess:.1f}, true mean {truth[-1, j]:.1f}")
unrated = np.setdiff1d(np.arange(n_films), newcomer.indices)
print(f"mean over all films not yet rated: {truth[-1, unrated].mean():.1f}")
