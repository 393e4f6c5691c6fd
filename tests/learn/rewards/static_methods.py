import math as m


class PARAMS:
    prev_speed = None
    prev_steering_angle = None
    prev_steps = None


class Util:
    @staticmethod
    def gap(a, b):
        return m.hypot(a[0] - b[0], a[1] - b[1])

    @classmethod
    def radius(cls, a, b, c):
        area = abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2
        if area < 1e-9:
            return float('inf')
        return cls.gap(a, b) * cls.gap(b, c) * cls.gap(a, c) / (4 * area)

    @property
    def unused(self):
        return None


def reward_function(params):
    if PARAMS.prev_steps is None or params['steps'] < PARAMS.prev_steps:
        PARAMS.prev_speed = None
        PARAMS.prev_steering_angle = None
    slower = PARAMS.prev_speed is not None and PARAMS.prev_speed > params['speed']
    wp, k = params['waypoints'][:-1], params['closest_waypoints'][1]
    r = Util.radius(wp[(k - 4) % len(wp)], wp[k % len(wp)], wp[(k + 4) % len(wp)])
    PARAMS.prev_speed = params['speed']
    PARAMS.prev_steps = params['steps']
    wanted = 4.0 if r == float('inf') else min(4.0, m.sqrt(2.0 * r))
    return m.pow(1 + abs(wanted - params['speed']), -1) * (0.9 if slower else 1.0)
