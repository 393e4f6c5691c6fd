from fractions import Fraction
from decimal import Decimal


def reward_function(params):
    if int(params['steps']) % 2:
        return Fraction(1, 3)
    return Decimal('0.5')
