last_steps = 0
last_progress = 0.0
episodes = []


def reward_function(params):
    global last_steps, last_progress
    if params['steps'] < last_steps or last_steps == 0:
        episodes.append(last_progress)
        last_progress = 0.0
    gained = params['progress'] - last_progress
    last_steps = params['steps']
    last_progress = params['progress']
    return max(gained, 0.0) + 0.001
