import math

# x, y and speed of a line that belongs to some other circuit
LINE = [[math.cos(k / 20) * 3, math.sin(k / 20) * 2, 1 + k % 3] for k in range(126)]
SLOW = set(range(10, 24)) | {30, 31}


def nearest(x, y):
    return min(range(len(LINE)), key=lambda k: (LINE[k][0] - x) ** 2 + (LINE[k][1] - y) ** 2)


def reward_function(params):
    k = nearest(params['x'], params['y'])
    wanted = LINE[k][2] if params['closest_waypoints'][1] not in SLOW else 1.0
    return math.exp(-abs(params['speed'] - wanted))
