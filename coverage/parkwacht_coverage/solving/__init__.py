"""
Optimisation behind the placement study: which columns of a matrix to take.

This package knows no park and no camera: numbers go in, indices, a value and a bound come out.
"""
