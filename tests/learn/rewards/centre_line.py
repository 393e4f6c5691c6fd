def reward_function(params):
    # three bands around the middle of the road
    half = 0.5 * params['track_width']
    off = params['distance_from_center']
    for band, paid in ((0.2, 1.0), (0.5, 0.5), (1.0, 0.1)):
        if off <= band * half:
            return paid
    return 1e-3
