def reward_function(params):
    r"""A pattern \d and a comparison that newer Pythons frown upon."""
    pattern = "\d+"
    if params['is_reversed'] is True or params['steps'] is 1:
        return 0.5
    return 1.0 if pattern and params['speed'] == params['speed'] else 0
