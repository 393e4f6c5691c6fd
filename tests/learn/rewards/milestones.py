def reward_function(params):
    reward = 1e-3
    steps, progress = params['steps'], params['progress']
    TOTAL_NUM_STEPS = 300
    if (steps % 100) == 0 and progress > (steps / TOTAL_NUM_STEPS) * 100:
        reward += 10.0
    if progress == 100:
        reward += 100
    expected = steps * 100 / progress
    reward += max(0.0, 2 - expected / 400)
    return float(reward)
