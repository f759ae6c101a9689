"""How a contender in Python times its steps."""

import time


def timed(step, task):
    """Seconds of each step after the warm-up, and from the start of the process to the end of the first step."""
    step()
    first = time.time() - task["started"]
    for _ in range(task["warm_up"] - 1):
        step()
    seconds = []
    for _ in range(task["steps"]):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "first": first}
