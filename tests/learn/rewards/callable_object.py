class Judge(object):
    """An object that is called."""

    def __init__(self):
        self.n = 0

    def __call__(self, params):
        self.n += 1
        return 1.0 / self.n + params['speed']


reward_function = Judge()
