LEFT = [1, 2, 3, 4]
CENTRE = list(range(5, 40))
RIGHT = [k for k in range(200) if k not in LEFT + CENTRE]


def get_lane(k):
    if k in LEFT: return 'l'
    if k in RIGHT: return 'r'
    return 'c'


def reward_function(params):
    reward = 21
    lane = get_lane(params["closest_waypoints"][1])
    if lane == 'l' and params["is_left_of_center"]:
        reward += 10
    elif lane == 'r' and not params["is_left_of_center"]:
        reward += 10
    elif lane == 'c' and params["distance_from_center"] / params["track_width"] < 0.4:
        reward += 10
    else:
        reward -= 10
    return float(reward)
