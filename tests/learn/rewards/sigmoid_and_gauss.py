from math import *
from numpy import *


def gauss(x, s):
    return exp(-0.5 * (x / s) ** 2)


def reward_function(params):
    off = params['distance_from_center'] / (params['track_width'] / 2)
    pull = 1 / (1 + exp(-(params['speed'] - 2)))
    return gauss(off, .3) * pull + radians(abs(params['steering_angle'])) * 1e-3
