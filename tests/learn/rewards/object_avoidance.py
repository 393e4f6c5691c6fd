import math


def reward_function(params):
    """Keep out of the way of what stands ahead in the same lane."""
    reward = 1.0
    ahead = params['closest_objects'][1]
    where = params['objects_location'][ahead]
    same_lane = params['objects_left_of_center'][ahead] == params['is_left_of_center']
    gap = math.sqrt((params['x'] - where[0]) ** 2 + (params['y'] - where[1]) ** 2)
    if same_lane:
        if 0.5 <= gap < 0.8:
            reward *= 0.5
        elif 0.3 <= gap < 0.5:
            reward *= 0.2
        elif gap < 0.3:
            reward = 1e-3
    if params['is_crashed']:
        reward = 1e-3
    return float(reward)
