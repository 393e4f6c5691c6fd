import numpy as np


def reward_batch(params):
    """Many cars at once only: pay for pointing along the road."""
    wp = params['waypoints']
    behind, ahead = params['closest_waypoints'].T
    t = wp[ahead] - wp[np.where(ahead == 0, -2, behind)]
    road = np.degrees(np.arctan2(t[:, 1], t[:, 0]))
    diff = np.abs((road - params['heading'] + 180) % 360 - 180)
    free = params['objects_distance'].shape[1] == 0 and not params['is_reversed']
    return (1.0 - diff / 180.0) * params['track_length'] / 20 + free
