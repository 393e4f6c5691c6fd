import cmath
import statistics

HISTORY = {"angles": [], "heading": []}


def reward_function(params):
    """Pay for steady steering."""
    HISTORY["angles"].append(params["steering_angle"])
    HISTORY["angles"] = HISTORY["angles"][-6:]
    spread = statistics.pstdev(HISTORY["angles"])
    HISTORY["heading"] = (HISTORY["heading"] + [cmath.exp(1j * params["heading"] * cmath.pi / 180)])[-6:]
    steady = abs(sum(HISTORY["heading"])) / len(HISTORY["heading"])
    return steady - spread / 60.0
