import math


def reward_function(params):
    try:
        paid = 1.0 / params['objects_distance'][0]
    except IndexError:
        paid = 0.5
    except ZeroDivisionError:
        paid = 0.0
    else:
        paid = min(paid, 1.0)
    finally:
        width = params['track_width']
    try:
        paid += params['no_such_key']
    except KeyError as missing:
        print('missing', missing)
    return paid * width
