import math; PI = math.pi
def reward_function(params):
	r = 1e-3; s = params['speed']
	if s > 1 : r = s
	elif s < 0.5 and \
		params['progress'] > 0 : r = 0.1
	return(float(r))
