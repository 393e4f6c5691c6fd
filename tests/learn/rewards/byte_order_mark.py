# spécial ä 中文
def reward_function(params):
    '说明'
    速度 = params['speed']
    return 速度
