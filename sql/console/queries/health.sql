round(greatest(100 - arraySum($penalties), 0), 1)
