import math


def reward_function(params):
    objects = params['objects_location']
    prev, nxt = params['closest_objects']
    pay = 0.0
    for index, (ox, oy) in enumerate(objects):
        bearing = math.degrees(math.atan2(oy - params['y'], ox - params['x'])) - params['heading']
        bearing = (bearing + 180) % 360 - 180
        behind = abs(bearing) > 90
        weight = 2 if index in (prev, nxt) else 1
        pay += weight * (0.1 if behind else abs(bearing) / 90)
        pay += 0.01 * params['objects_speed'][index] * math.cos(params['objects_heading'][index])
        pay += 0.01 * params['objects_distance_from_center'][index]
        gap = (params['objects_distance'][index] - params['projection_distance']) % params['track_length']
        pay += gap / params['track_length']
    return pay + (1 if params['object_in_camera'] else 0)
