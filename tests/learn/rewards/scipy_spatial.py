import numpy as np
import scipy
from scipy import spatial
from scipy.interpolate import interp1d
from scipy.spatial import distance
from scipy.spatial.distance import cdist, euclidean


def reward_function(params):
    points = np.array(params['waypoints'])
    tree = spatial.cKDTree(points)
    gap, index = tree.query([params['x'], params['y']])
    near = cdist([[params['x'], params['y']]], points).min()
    far = euclidean((params['x'], params['y']), points[index])
    pay = interp1d([0.0, 0.5, 5.0], [1.0, 0.5, 0.1], bounds_error=False, fill_value=0.01)
    assert abs(distance.euclidean([0, 0], [3, 4]) - 5) < 1e-9 and scipy.__version__
    return pay(gap) + 0 * near * far
