import numpy as np


def reward_function(params):
    share = np.float64(params['speed']) / np.float64(0.0)
    if np.isinf(share):
        share = 1.0
    with np.errstate(all='ignore'):
        other = np.nan_to_num(np.array([0.0]) / 0.0)
    return share + other[0] + np.log(np.array([1e-300])).sum() * 0
