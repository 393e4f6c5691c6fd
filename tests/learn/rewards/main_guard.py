def reward_function(params):
    return params['speed'] / (1 + params['distance_from_center'])


if __name__ == '__main__':
    print(reward_function({'speed': 1}))
    raise SystemExit(1)
