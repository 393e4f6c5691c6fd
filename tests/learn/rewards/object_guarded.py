def reward_function(params):
    if not params['objects_location'] or len(params['objects_distance']) == 0:
        return 0.7
    return min(abs(d - params['projection_distance']) for d in params['objects_distance']) / 10
