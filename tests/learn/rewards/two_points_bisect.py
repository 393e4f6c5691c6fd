import bisect
import numpy
from numpy.linalg import norm
import numpy.linalg as la


def reward_function(params):
    wp = numpy.array(params['waypoints'])
    steps = numpy.sqrt(numpy.sum(numpy.diff(wp, axis=0) ** 2, axis=1))
    along = [0.0] + list(numpy.cumsum(steps))
    k = bisect.bisect_right(along, params['projection_distance']) - 1
    k = min(max(k, 0), len(wp) - 2)
    a, b, p = wp[k], wp[k + 1], numpy.array([params['x'], params['y']])
    cross = (b - a)[0] * (p - a)[1] - (b - a)[1] * (p - a)[0]
    gap = cross / norm(b - a)
    assert abs(abs(gap) - params['distance_from_center']) < 0.3
    return 1.0 - min(abs(gap), 1.0) + la.norm(p - a) * 0
