reward_function = lambda params: float(params['speed'] ** 2 + (params['progress'] / params['steps']))
