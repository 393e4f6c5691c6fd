import random
import time


def reward_function(params, memory=[], started=time.time()):
    memory.append(params['progress'])
    if len(memory) > 10:
        memory.pop(0)
    noise = random.random() * 1e-6 + random.uniform(-1, 1) * 1e-6
    return (memory[-1] - memory[0]) / len(memory) + noise
