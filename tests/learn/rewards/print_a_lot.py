import sys
from pprint import pprint


def reward_function(params):
    print("progress", params['progress'], end=' ', file=sys.stdout, flush=True)
    print()
    print(*params.keys(), sep=', ')
    print("%(speed).2f at %(steps)d" % params)
    print(f"x={params['x']:.3f} y={params['y']!r} {params['heading']:>8.2f}")
    print("{0[0]}-{0[1]}".format(params['closest_waypoints']))
    return 1.0 + 0.1 * params['speed']
