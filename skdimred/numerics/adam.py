r"""Adam: descent along gradients of random batches, each entry at its own pace.

With g the gradient at step t and running means :math:`m = \beta_1 m + (1 - \beta_1) g`
and :math:`v = \beta_2 v + (1 - \beta_2) g^2`,

.. math:: \theta \leftarrow \theta - \eta \,
          \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon} .

D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015,
https://arxiv.org/abs/1412.6980.
"""

import numpy as np

__all__ = ["Adam"]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# Entries at a time, so that all five arrays stay in the cache.
BLOCK = 32768
# A gradient that stays 0 lets m shrink to subnormal numbers, on which arithmetic is
# twenty times slower: after so many steps numbers below this are set to 0.
SWEEP_EVERY, LEAST = 64, 1e-30
# Share of the largest entry below which an entry of the first gradient counts as 0.
FIRST = 1e-3


class Adam:
    """Running means for a flat vector.

    Parameters
    ----------
    size : int
    dtype : dtype
    """

    def __init__(self, size, dtype):
        # Without the factors 1 - beta, which saves a pass over each.
        self.m, self.v = np.zeros(size, dtype), np.zeros(size, dtype)
        self.t = 0

    def copy(self):
        """Running means of their own."""
        other = Adam(0, self.m.dtype)
        other.m, other.v, other.t = self.m.copy(), self.v.copy(), self.t
        return other

    def step(self, theta, gradient, rate, spread=None):
        """Move `theta` against `gradient`, which is overwritten.

        Parameters
        ----------
        theta, gradient : ndarray of shape (size,)
        rate : float
        spread : callable or None
            ``spread(function, length)`` calls the function with slices that cover
            ``range(length)``, on threads of its own. None for one call.
        """
        self.t += 1
        if self.t == 1:
            # The first step is as long for small entries as for large ones. At a
            # start where many are 0 but for rounding it would go in any direction.
            size = np.abs(gradient)
            gradient[size < FIRST * size.max()] = 0.0
        root = np.sqrt((1 - BETA_2) / (1 - BETA_2**self.t))
        scale = rate * (1 - BETA_1) / (1 - BETA_1**self.t) / root

        def move(blocks):
            for i in range(blocks.start, blocks.stop):
                block = slice(i * BLOCK, (i + 1) * BLOCK)
                self._move(block, theta, gradient, EPSILON / root, scale)

        n_blocks = -(-len(theta) // BLOCK)
        if spread is None:
            move(slice(0, n_blocks))
        else:
            spread(move, n_blocks)
        if self.t % SWEEP_EVERY == 0:
            self.m[np.abs(self.m) < LEAST] = 0.0

    def _move(self, block, theta, gradient, small, scale):
        number = theta.dtype.type
        m, v, g = self.m[block], self.v[block], gradient[block]
        m *= number(BETA_1)
        m += g
        g *= g
        v *= number(BETA_2)
        v += g
        np.sqrt(v, out=g)
        g += number(small)
        np.divide(m, g, out=g)
        g *= number(scale)
        theta[block] -= g
