import math

LOOK = 7


def reward_function(params):
    wp = params['waypoints']
    ahead = [wp[(params['closest_waypoints'][1] + k) % len(wp)] for k in range(LOOK)]
    behind = wp[params['closest_waypoints'][0] - 3]
    dx, dy = ahead[-1][0] - params['x'], ahead[-1][1] - params['y']
    want = math.atan2(dy, dx)
    err = (math.radians(params['heading']) + math.radians(params['steering_angle'])) - want
    err = (err + math.pi) % (2 * math.pi) - math.pi
    bend = math.hypot(behind[0] - ahead[0][0], behind[1] - ahead[0][1])
    return math.exp(-abs(err)) + 0.01 * bend
