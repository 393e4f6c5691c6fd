def reward_function(params):
    track = {'w': params['track_width']}

    def centre():
        nonlocal_share = params['distance_from_center'] / (track['w'] / 2)
        return 1 - nonlocal_share ** 0.4 if nonlocal_share < 1 else 0.001

    def steer(threshold=15.0, *, factor=0.8):
        return factor if abs(params['steering_angle']) > threshold else 1

    rewards = [centre(), steer(), steer(5, factor=.5)]
    total = 1
    for r in rewards:
        total *= r
    return total + 1e-5
