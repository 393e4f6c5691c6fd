def reward_function(params):
    """Touch every key once."""
    all_wheels_on_track = params['all_wheels_on_track']
    x, y = params['x'], params['y']
    heading = params['heading']
    distance_from_center = params['distance_from_center']
    projection_distance = params['projection_distance']
    progress = params['progress']
    steps = params['steps']
    speed = params['speed']
    steering_angle = params['steering_angle']
    track_width = params['track_width']
    track_length = params['track_length']
    waypoints = params['waypoints']
    closest_waypoints = params['closest_waypoints']
    is_left_of_center = params['is_left_of_center']
    is_reversed = params['is_reversed']
    closest_objects = params['closest_objects']
    objects_location = params['objects_location']
    objects_left_of_center = params['objects_left_of_center']
    object_in_camera = params['object_in_camera']
    objects_speed = params['objects_speed']
    objects_heading = params['objects_heading']
    objects_distance_from_center = params['objects_distance_from_center']
    objects_distance = params['objects_distance']
    is_crashed = params['is_crashed']
    is_offtrack = params['is_offtrack']
    sim_time = params['sim_time']
    if len(params) != 27:
        raise ValueError('not 27 keys but %d' % len(params))
    if is_offtrack or is_crashed:
        return 1e-3
    far = sum(objects_distance) + sum(objects_speed) + sum(objects_heading) + len(objects_left_of_center)
    near = sum(objects_distance_from_center) + len(objects_location) + sum(closest_objects)
    flags = all_wheels_on_track + is_left_of_center + is_reversed + object_in_camera
    place = abs(x) + abs(y) + abs(heading) / 180 + distance_from_center + projection_distance
    drive = progress / steps + speed + abs(steering_angle) / 30 + sim_time / 1e6
    road = track_width + track_length + len(waypoints) + closest_waypoints[0]
    return float(flags + place + drive + road + (far + near) / 100)
