from shapely.geometry import LineString, Point, Polygon, LinearRing
import shapely.geometry as geom


def reward_function(params):
    ring = LinearRing(params['waypoints'])
    here = Point(params['x'], params['y'])
    gap = ring.distance(here)
    along = ring.project(here)
    ahead = ring.interpolate((along + 0.5) % ring.length)
    look = LineString([(params['x'], params['y']), (ahead.x, ahead.y)])
    body = here.buffer(0.1)
    road = Polygon(params['waypoints'])
    inside = road.contains(geom.Point(params['x'], params['y'])) or body.intersects(look)
    return 1.0 / (1.0 + gap) + (0.1 if inside else 0)
