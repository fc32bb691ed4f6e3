"""
What does a search by topics find?
==================================

Latent semantic analysis is a `TruncatedSVD` of a matrix of documents by words. Each
document becomes a point in a space of a few topics, and so does a query. Documents
that share no word can be close there, because other documents use their words
together. Does a search gain from that? Here it is held against a plain comparison of
words, on texts that every reader of this page has: the docstrings of numpy, scipy and
scikit-learn.
"""

# %%
# A document is the prose of one public function or class: its docstring up to the
# first section heading. Signatures, marks of markup, and what lies more than one
# module deep are left out, and so are texts of fewer than 100 characters.
import importlib
import inspect
import pkgutil
import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import scipy
import sklearn
from sklearn.decomposition import TruncatedSVD as BuiltIn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, normalize

from skdimred.decomposition import TruncatedSVD

PACKAGES = (np, scipy, sklearn)
SKIPPED = {"conftest", "distutils", "f2py", "setup", "tests", "typing"}


def modules_of(package):
    """Yield a package and the public modules in it, those that can be imported."""
    yield package
    for name in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        if name.startswith("_") or name in SKIPPED:
            continue
        try:
            yield importlib.import_module(f"{package.__name__}.{name}")
        except Exception:
            continue


def prose_of(thing):
    """Docstring up to the first section, without signature and markup."""
    text = inspect.getdoc(thing) or ""
    text = re.split(r"\n[A-Z][\w ]+\n-{3,}", text)[0]
    text = re.sub(r"\A\w+\(.*?\)\n\n", "", text, flags=re.DOTALL)
    return re.sub(r"\.\. \w+::.*|:\w+:", "", text).strip()


def documents_in(module):
    """Yield full names and texts of what a module defines."""
    for name in sorted(set(getattr(module, "__all__", None) or dir(module))):
        thing = vars(module).get(name)
        home = getattr(thing, "__module__", None) or module.__name__
        is_public = not name.startswith("_") and home.startswith(module.__name__)
        if is_public and callable(thing) and len(text := prose_of(thing)) >= 100:
            yield f"{module.__name__}.{name}", text


documents = {}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for package in PACKAGES:
        seen = set()
        for module in modules_of(package):
            for name, text in documents_in(module):
                if text not in seen:
                    seen.add(text)
                    documents[name] = text

names, texts = list(documents), list(documents.values())
package_of = np.array([name.split(".")[0] for name in names])
module_of = np.array([name.rpartition(".")[0] for name in names])
for package in PACKAGES:
    count = np.count_nonzero(package_of == package.__name__)
    print(f"{package.__name__:8} {package.__version__:8} {count:4} documents")

# %%
# The model is a pipeline of three steps. `TfidfVectorizer` counts words, damps the
# counts and gives rare words more weight; the rows stay sparse. `TruncatedSVD` finds
# the topics. `Normalizer` gives each document length 1, so that products of rows are
# cosines.
WORDS = {
    "sublinear_tf": True,
    "stop_words": "english",
    "min_df": 2,
    "token_pattern": r"[a-z]{3,}",
}
lsa = make_pipeline(
    TfidfVectorizer(**WORDS), TruncatedSVD(100, random_state=0), Normalizer(copy=False)
)
topics = lsa.fit_transform(texts)
vectorizer, svd = lsa[0], lsa[1]
counts = vectorizer.transform(texts)
print(f"{counts.shape[0]} documents of {counts.shape[1]} words,", end=" ")
print(f"{counts.nnz / counts.shape[0]:.0f} different ones in each")

total = counts.multiply(counts).sum()
theirs = BuiltIn(100, random_state=0).fit(counts)
print(f"energy that 100 topics hold: skdimred {svd.energy_ratio_.sum():.3%},", end=" ")
print(f"scikit-learn {np.sum(theirs.singular_values_**2) / total:.3%}")

# %%
# That is far from all the energy, and there is no gap to cut at: the singular values
# of text fall slowly. That also makes the best 100 topics hard to find. The default of
# scikit-learn takes five steps of a random iteration and does not ask how far it got;
# the one here goes on until the energy that may still be missed is below `tol`.
#
# A topic is a list of weights, one for each word. These are the words with the largest
# weights of either sign.
vocabulary = vectorizer.get_feature_names_out()
for j, topic in enumerate(svd.components_[:10], start=1):
    order = np.argsort(topic)
    high, low = vocabulary[order[:-6:-1]], vocabulary[order[:5]]
    print(f"{j:2}  {' '.join(high):44}  |  {' '.join(low)}")

# %%
# The first topics are sentences that were pasted into many docstrings: every
# distribution of scipy is *continuous*, *inherits* and *completes*. After them come
# subjects: filters, Fourier transforms, polynomials, random numbers. Negative weights
# have no meaning of their own. A topic has to be orthogonal to those before it, and
# takes away what they put too much.
#
# The packages were not used so far. Of the first ten topics, here are the two that
# differ most between them.
first = topics[:, :10]
means = np.array([first[package_of == p.__name__].mean(axis=0) for p in PACKAGES])
spread = means.var(axis=0) / first.var(axis=0)
a, b = sorted(np.argsort(spread)[-2:])

COLOURS = ("#0072B2", "#D55E00", "#009E73")
figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
shuffled = np.random.default_rng(0).permutation(len(names))
colour = dict(zip((p.__name__ for p in PACKAGES), COLOURS, strict=True))
ax.scatter(
    *topics[shuffled][:, [a, b]].T,
    10,
    c=[colour[package_of[i]] for i in shuffled],
    lw=0,
    alpha=0.6,
)
for name in colour:
    ax.scatter([], [], 30, c=colour[name], lw=0, label=name)
ax.set_xlabel(f"topic {a + 1}")
ax.set_ylabel(f"topic {b + 1}")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# Now the search. Left are the nearest documents in the space of topics, with their
# cosine; right the nearest ones by the words alone.


def search(query, skip=0):
    """Print the four documents nearest to a text, by topics and by words."""
    by_topics = topics @ lsa.transform([query])[0]
    by_words = (counts @ vectorizer.transform([query]).T).toarray()[:, 0]
    print(f"\n{query if query not in texts else names[texts.index(query)]}")
    left, right = (
        np.argsort(-cosine, kind="stable")[skip : skip + 4]
        for cosine in (by_topics, by_words)
    )
    for i, j in zip(left, right, strict=True):
        print(f"  {by_topics[i]:.2f} {names[i]:42.40}", end="")
        print(f"{by_words[j]:.2f} {names[j]:.40}")


search("find the root of a function")
search("split rows for cross-validation")
search("fill in missing values")

# %%
# A document can be the query as well. The nearest is then itself, and left out here.
search(documents["scipy.stats.ttest_ind"], skip=1)
search(documents["sklearn.decomposition.PCA"], skip=1)

# %%
# Topics gather what belongs to a subject: more ways to find a root, more tests of
# whether samples differ, whichever words they use. They lose what is special about a
# document. Few docstrings are about missing values. A hundred topics have no place for
# that, and the query ends at the trees, which mention them.
#
# Two measures make that precise. *Same subject*: of the ten documents nearest to a
# document, how many come from the same module? Only modules with more than ten
# documents are asked. *One document*: the first paragraph of a docstring is the query,
# and what follows it is the document to be found among all others; how often is it one
# of the ten nearest?
#
# One fit serves all numbers of topics, since the first K components of a larger fit
# are those of a fit with K.
N_TOPICS = (5, 10, 20, 50, 100, 200, 400)

sizes = {module: np.count_nonzero(module_of == module) for module in set(module_of)}
asked = np.array([sizes[module] > 10 for module in module_of])


def same_subject(cosines):
    """Share of the ten nearest documents that are of the same module."""
    cosines = cosines - 3 * np.eye(len(cosines))
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :10]
    return np.mean((module_of[nearest] == module_of[:, np.newaxis])[asked])


def one_document(cosines, asked=slice(None)):
    """Share of queries whose own document is among the ten nearest."""
    own = np.diag(cosines)[:, np.newaxis]
    return np.mean(np.count_nonzero(cosines >= own, axis=1)[asked] <= 10)


parts = [text.partition("\n\n") for text in texts]
queries, rests = zip(*((q, r) for q, _, r in parts if len(r) >= 100), strict=True)
vectorizer = TfidfVectorizer(**WORDS)
rest_counts = vectorizer.fit_transform(rests)
query_counts = vectorizer.transform(queries)

by_words = (
    same_subject((counts @ counts.T).toarray()),
    one_document((query_counts @ rest_counts.T).toarray()),
)
scores = TruncatedSVD(N_TOPICS[-1], random_state=0).fit_transform(counts)
rest_svd = TruncatedSVD(N_TOPICS[-1], random_state=0)
rest_scores = rest_svd.fit_transform(rest_counts)
query_scores = rest_svd.transform(query_counts)
by_topics = []
for k in N_TOPICS:
    Z, Q, R = (normalize(S[:, :k]) for S in (scores, query_scores, rest_scores))
    by_topics.append((same_subject(Z @ Z.T), one_document(Q @ R.T)))

print(f"{'topics':12}", *(f"{k:6}" for k in N_TOPICS), "  words")
titles = ("same subject", "one document")
lines = np.transpose(by_topics)
for title, line, plain in zip(titles, lines, by_words, strict=True):
    print(title, *(f"{share:6.3f}" for share in line), f"  {plain:.3f}")

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", sharey=True)
for ax, title, line, plain in zip(axes, titles, lines, by_words, strict=True):
    ax.plot(N_TOPICS, line, c="#0072B2", marker="o", label="by topics")
    ax.axhline(plain, c="0.4", ls="--", label="by words")
    ax.set_xscale("log")
    ax.set_xticks(N_TOPICS, [str(k) for k in N_TOPICS])
    ax.minorticks_off()
    ax.set_ylim(0, 1)
    ax.set_title(title)
    ax.set_xlabel("number of topics")
    ax.grid(axis="y", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("share found")
figure.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=2,
    frameon=False,
)
plt.show()

# %%
# For documents of the same subject, about a hundred topics do a little better than the
# words. For the one document that a text belongs to, the words are better at every
# number of topics: what tells a document from its neighbours lies in the small
# singular values, which are left out.
#
# And the documents that share no word with the query?
Q, R = (normalize(S[:, :100]) for S in (query_scores, rest_scores))
by_words = (query_counts @ rest_counts.T).toarray()
shares_none = by_words == 0
nearest = np.argsort(-(Q @ R.T), axis=1, kind="stable")[:, :10]
share = np.take_along_axis(shares_none, nearest, axis=1).mean()
print(f"of the ten nearest by 100 topics, share no word with the query: {share:.3f}")

apart = np.diag(shares_none)
found = one_document(Q @ R.T, apart), one_document(by_words, apart)
print(f"queries that share no word with their own document: {apart.mean():.3f}")
print(f"of these, found by topics {found[0]:.3f}, by words {found[1]:.3f}")

# %%
# They are found, and seldom. These texts are written with care for terms: what a
# docstring is about is mostly said in the same words by all that are about it. So
# here topics are for gathering and words for finding, and a search that has to do both
# takes both cosines. Nothing is saved either: a row of counts holds a few dozen
# numbers, and a row of scores one for each topic.
#
# A small case where topics alone find what is meant is in :doc:`../svd`.
