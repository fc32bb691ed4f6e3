"""
Which topics are in a text?
===========================

On counts of words, the components of a non-negative matrix factorisation are topics.
A document is a sum of topics, and a topic is a list of words that are used together.
The two losses that are in use for it are held against each other here, on texts that
every reader of this page has: the docstrings of numpy, scipy and scikit-learn, those
of :doc:`plot_lsa`.
"""

# %%
# A document is the prose of one public function or class: its docstring up to the
# first section heading.
import importlib
import inspect
import pkgutil
import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import scipy
import sklearn
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from skdimred.decomposition import NMF, TruncatedSVD
from skdimred.inspection import ComponentGalleryDisplay
from skdimred.metrics import hoyer_sparseness

SKIPPED = {"conftest", "distutils", "f2py", "setup", "tests", "typing"}


def modules_of(package):
    """Yield the public modules in a package, those that can be imported."""
    for name in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        if not name.startswith("_") and name not in SKIPPED:
            try:
                yield importlib.import_module(f"{package.__name__}.{name}")
            except Exception:
                continue


def prose_of(thing):
    """Docstring up to the first section, without signature and markup."""
    text = re.split(r"\n[A-Z][\w ]+\n-{3,}", inspect.getdoc(thing) or "")[0]
    text = re.sub(r"\A\w+\(.*?\)\n\n", "", text, flags=re.DOTALL)
    return re.sub(r"\.\. \w+::.*|:\w+:", "", text).strip()


documents = {}  # full names by their texts, so that no text comes twice
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for package in (np, scipy, sklearn):
        for module in (package, *modules_of(package)):
            for name in sorted(getattr(module, "__all__", None) or dir(module)):
                thing = vars(module).get(name)
                home = getattr(thing, "__module__", None) or module.__name__
                own = not name.startswith("_") and home.startswith(module.__name__)
                if own and callable(thing) and len(text := prose_of(thing)) >= 100:
                    documents.setdefault(text, f"{module.__name__}.{name}")
names = list(documents.values())
module_of = np.array([name.rpartition(".")[0] for name in names])

vectorizer = CountVectorizer(stop_words="english", min_df=5, token_pattern=r"[a-z]{3,}")
counts = vectorizer.fit_transform(documents)
vocabulary = vectorizer.get_feature_names_out()
print(f"{counts.shape[0]} documents of {counts.shape[1]} words,", end=" ")
print(f"{counts.nnz / counts.shape[0]:.0f} different ones in each")

# %%
# Two models. The squared error suits numbers of about the same size, so the counts are
# damped first: `TfidfTransformer` takes their logarithm, gives rare words more weight,
# and makes all documents equally long. The Kullback-Leibler divergence takes the counts
# as they are. It is what the likelihood of Poisson's law comes to.
K = 12
damped = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
squares = NMF(K, random_state=0).fit(damped)
poisson = NMF(K, beta_loss="kullback-leibler", tol=0.03, random_state=0).fit(counts)
for name, model in (("squared error", squares), ("Kullback-Leibler", poisson)):
    print(f"{name:17} {model.n_iter_:3} iterations,", end=" ")
    print(f"KKT residual {model.kkt_residual_:.1e},", end=" ")
    print(f"zeros {np.mean(model.components_ == 0):.0%},", end=" ")
    print(f"sparseness {hoyer_sparseness(model.components_).mean():.2f}")

# %%
# The topics by their words, first of the squared error.
display = ComponentGalleryDisplay.from_estimator(squares, feature_names=vocabulary)
display.figure_.suptitle("Squared error of damped counts")
plt.show()

# %%
display = ComponentGalleryDisplay.from_estimator(poisson, feature_names=vocabulary)
display.figure_.suptitle("Kullback-Leibler divergence of counts")
plt.show()

# %%
# The squared error gives topics of their own to sentences that were pasted into many
# docstrings, since words that always come together pay off most: *continuous*,
# *completes*, *inherits* are in every distribution of scipy. The divergence counts how
# often they come, and puts them together with other words of their subject.
#
# For comparison, components of the singular value decomposition of the damped counts
# (:doc:`plot_lsa`). Words of negative weight have to be read as well, and mean
# nothing by themselves.
svd = TruncatedSVD(K, random_state=0).fit(damped)
display = ComponentGalleryDisplay.from_estimator(svd, feature_names=vocabulary)
display.figure_.suptitle("Singular value decomposition of damped counts")
plt.show()

# %%
# What is in a document? Its weights, as shares of their sum.
for wanted in (
    "scipy.stats.ttest_ind",
    "numpy.fft.rfft",
    "sklearn.linear_model.Ridge",
    "scipy.sparse.csr_matrix",
):
    i = names.index(wanted)
    print(f"\n{wanted}")
    for model, X in ((squares, damped), (poisson, counts)):
        weights = model.transform(X[i])[0] * model.components_.sum(axis=1)
        for j in np.argsort(-weights)[:2]:
            words = " ".join(vocabulary[np.argsort(-model.components_[j])[:5]])
            print(f"  {weights[j] / weights.sum():4.0%}  {words}")
        print()

# %%
# Do topics gather what belongs together? Of the ten documents nearest to one by the
# angle between their weights, this share comes from the same module. Only modules of
# more than ten documents are asked.
sizes = {module: np.count_nonzero(module_of == module) for module in set(module_of)}
asked = np.array([sizes[module] > 10 for module in module_of])


def same_module(scores):
    """Share of the ten nearest documents that are of the same module."""
    Z = normalize(scores)
    cosines = Z @ Z.T - 3 * np.eye(len(Z))
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :10]
    return np.mean((module_of[nearest] == module_of[:, np.newaxis])[asked])


print(f"squared error     {same_module(squares.transform(damped)):.3f}")
print(f"Kullback-Leibler  {same_module(poisson.transform(counts)):.3f}")
print(f"SVD               {same_module(svd.transform(damped)):.3f}")

# %%
# For that the singular value decomposition does better: it keeps more of what tells
# documents apart in as many numbers. Non-negative factors are for reading. Every weight
# says how much of a topic is there, and a topic can be read off its largest words.
# :doc:`../nmf` tells more of both losses.
