import numpy.random as npr
import numpy.polynomial.polynomial as poly
import numpy.matlib
import numpy.ma as ma
import numpy as np
from numpy import linalg, random as rnd
from numpy.polynomial import Polynomial


def reward_function(params):
    noise = npr.rand() * 1e-9 + rnd.uniform(0, 1e-9) + np.random.normal(0, 1e-9)
    curve = poly.polyfit([0.0, 1.0, 2.0], [1.0, 0.5, 0.0], 1)
    fitted = Polynomial(curve)(params['distance_from_center'])
    ones = np.matlib.ones((1, 1)).sum() + np.mat('1 2').sum()
    return abs(float(fitted)) + linalg.norm([3, 4]) * ones + float(ma.masked_less([1.0], 0).sum()) + noise
