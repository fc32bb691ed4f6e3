"""
Which words go together?
========================

A table of documents by words has no missing cells: a word that is not there was
counted, and its count is 0. With `implicit_zeros="observed"` a sparse table is read so,
and stays sparse. Factors that must not be negative, with an L1 penalty, are then
topics: short lists of words, and documents made of few of them. The documents are the
docstrings of scikit-learn.
"""

# %%
# The prose of each public class and function, up to its first section.
import importlib
import inspect
import re
import warnings

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from skdimred import BiasedMF
from skdimred.inspection import FactorHeatmapDisplay

MODULES = (
    "cluster covariance decomposition ensemble feature_extraction feature_selection "
    "gaussian_process impute linear_model manifold metrics mixture model_selection "
    "naive_bayes neighbors neural_network pipeline preprocessing svm tree"
)
names, texts = [], []
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for module in MODULES.split():
        home = importlib.import_module(f"sklearn.{module}")
        for name in sorted(getattr(home, "__all__", [])):
            try:
                thing = getattr(home, name)
            except (AttributeError, ImportError):  # experimental
                continue
            text = inspect.getdoc(thing) or ""
            text = re.split(r"\n(?:See Also|References|Examples)\n-{3,}", text)[0]
            text = re.sub(r":\w+:`[^`]*`|`[^`]*`|https?://\S+", " ", text)
            if callable(thing) and len(text) > 200:
                names.append(name)
                texts.append(text)

vectorizer = TfidfVectorizer(
    stop_words="english",
    min_df=8,
    max_df=0.3,
    token_pattern=r"[a-z]{4,}",
    sublinear_tf=True,
)
X = vectorizer.fit_transform(texts)
words = vectorizer.get_feature_names_out()
print(
    f"{X.shape[0]} documents, {X.shape[1]} words, {X.nnz / np.prod(X.shape):.1%} stored"
)

# %%
# No biases, so that everything is said by topics. The penalty is small, as weights in
# TF-IDF are: rows have length 1.
topics = BiasedMF(
    8,
    alpha=0.1,
    l1_ratio=0.5,
    positive=True,
    row_bias=False,
    col_bias=False,
    implicit_zeros="observed",
    max_iter=200,
    random_state=0,
)
weights = topics.fit_transform(X)
print(f"{np.mean(topics.components_ == 0):.0%} of the weights of words are 0")

# %%
# Topics as columns, and the words of largest weight, each with the topic in which it
# weighs most.
FactorHeatmapDisplay.from_estimator(topics, feature_names=words, n_features=40)

# %%
# The docstrings that are most about each topic.
for topic, column in enumerate(weights.T, start=1):
    best = [names[i] for i in column.argsort()[::-1][:4]]
    print(f"{topic}: {', '.join(best)}")
