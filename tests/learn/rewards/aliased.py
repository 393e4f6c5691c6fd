def _pay(p):
    return p.get('speed', 0.0) * (0.5 if p.get('all_wheels_on_track') else 0.1) + p.get('missing', 0)


reward_function = _pay
