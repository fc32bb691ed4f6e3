"""Pure numerics: arrays in, arrays out; nothing here knows scikit-learn.

`moments` sums rows into mergeable records, `gram` and `pencil` turn those small
matrices into directions, `centering` applies the directions to rows, `rank` counts
how many are worth keeping, `threads` keeps BLAS from fighting itself.
"""
