class Memory:
    steering = None
    best = {}

    def __init__(self):
        self.count = 0

    def judge(self, params):
        self.count += 1
        now = params['steering_angle']
        change = 0 if self.steering is None else abs(now - self.steering)
        self.steering = now
        key = params['closest_waypoints'][1]
        Memory.best[key] = max(Memory.best.get(key, 0.0), params['speed'])
        return params['speed'] / Memory.best[key] - change / 120.0


memory = Memory()


def reward_function(params):
    return memory.judge(params)
