import math


def reward_function(params, /):
    if (off := params['distance_from_center']) > 0.5 * params['track_width']:
        return 1e-3
    match_less = {True: 1.0, False: .5}[params['is_left_of_center']]
    *_, last = params['waypoints']
    total = math.prod([1.0, match_less]) + math.dist(last, (params['x'], params['y'])) * 0
    return total - off
