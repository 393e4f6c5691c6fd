def reward_function(params):
    reward = params['speed'] - 2.0 * params['distance_from_center'] / params['track_width']
    if not params['all_wheels_on_track']:
        reward = -10
    return reward
