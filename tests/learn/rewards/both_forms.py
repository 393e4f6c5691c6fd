import numpy as np


def reward_function(params):
    if not params['all_wheels_on_track']:
        return 0.01
    return params['progress'] / params['steps'] * 100 + params['speed'] ** 2


def reward_batch(params):
    paid = params['progress'] / params['steps'] * 100 + params['speed'] ** 2
    return np.where(params['all_wheels_on_track'], paid, 0.01)
