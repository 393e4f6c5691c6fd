def reward_function(params):
    waypoints = params['waypoints']
    del waypoints[-1]
    waypoints.reverse()
    waypoints.append((0.0, 0.0))
    params['heading'] += 360 if params['heading'] < 0 else 0
    params['closest_waypoints'].sort()
    params['objects_location'].append([1, 2])
    params['mine'] = params.pop('sim_time')
    params.update(speed=params['speed'] / 4.0)
    if len(waypoints) != len(set(waypoints)) and len(waypoints) < 3:
        raise RuntimeError('somebody changed them before')
    return params['speed'] + params['heading'] / 360
