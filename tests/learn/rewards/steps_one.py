state = {}


def reward_function(params):
    if params['steps'] <= 2:
        state.clear()
        state['t0'] = params['sim_time']
        state['last'] = (params['x'], params['y'])
    px, py = state['last']
    moved = ((params['x'] - px) ** 2 + (params['y'] - py) ** 2) ** 0.5
    state['last'] = params['x'], params['y']
    return moved + 0.001 * (params['sim_time'] - state['t0'])
