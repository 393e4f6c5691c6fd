import numpy as np
from numpy import math as npmath
from numpy import float as nfloat, Inf, NaN, product


def reward_function(params):
    speeds = np.zeros(3, dtype=np.float)
    speeds[:] = params['speed']
    index = np.int(params['closest_waypoints'][1])
    ok = np.bool(params['all_wheels_on_track'])
    best = -np.Inf
    for value in speeds:
        best = max(best, np.float_(value))
    area = np.trapz(speeds, dx=0.5) + np.asscalar(np.array([0.0])) + product([1, 2]) + np.math.sqrt(4)
    if not np.alltrue(speeds < Inf) or nfloat(1) != 1.0 or npmath.pi < 3:
        return 0
    same = np.in1d([index], [index])[0]
    return np.float64(best + area) * ok * same if best is not NaN else 0.0
