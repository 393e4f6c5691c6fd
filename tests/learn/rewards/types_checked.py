def reward_function(params):
    for key in ('x', 'y', 'heading', 'distance_from_center', 'progress', 'speed', 'steering_angle',
                'track_width', 'track_length', 'projection_distance', 'sim_time', 'steps'):
        if type(params[key]) not in (float, int):
            raise TypeError(key + ' is ' + str(type(params[key])))
    for key in ('all_wheels_on_track', 'is_left_of_center', 'is_reversed', 'is_crashed', 'is_offtrack',
                'object_in_camera'):
        if params[key] is not True and params[key] is not False:
            raise TypeError(key)
    if type(params['waypoints']) is not list or type(params['waypoints'][0]) is not tuple:
        raise TypeError('waypoints')
    if [type(k) for k in params['closest_waypoints'] + params['closest_objects']] != [int] * 4:
        raise TypeError('closest')
    for key in ('objects_location', 'objects_left_of_center', 'objects_speed', 'objects_heading',
                'objects_distance_from_center', 'objects_distance'):
        if type(params[key]) is not list:
            raise TypeError(key)
    return 1.0 + params['speed'] * 0.1
