import numpy as np


def reward_function(params):
    wp = np.asarray(params['waypoints'], dtype=np.float32)
    a, b = params['closest_waypoints']
    t = wp[b] - wp[a]
    if np.linalg.norm(t) < 1e-9:
        t = wp[(b + 1) % len(wp)] - wp[a]
    angle = np.degrees(np.arctan2(t[1], t[0]))
    diff = np.abs((angle - params['heading'] + 180) % 360 - 180)
    return np.clip(1.0 - diff / 90.0, 0.01, 1.0)
