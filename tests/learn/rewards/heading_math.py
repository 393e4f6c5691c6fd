import math


def reward_function(params):
    waypoints = params['waypoints']
    closest = params['closest_waypoints']
    nxt = waypoints[closest[1]]
    prv = waypoints[closest[0]]
    direction = math.degrees(math.atan2(nxt[1] - prv[1], nxt[0] - prv[0]))
    diff = abs(direction - params['heading'])
    if diff > 180:
        diff = 360 - diff
    reward = 1.0
    if diff > 10.0:
        reward *= 0.5
    return float(reward)
