"""The job `numbers` of JobJob as a map of Lithops on its localhost backend: `number_job.py COUNT VERSION`.

Each task gives its number as a line; the lines are put together in order. Prints {"seconds", "output"} as JSON: from the map's
call to its last result. The runtime's set-up and the imports are left out: a first map of one task has paid for them.

VERSION 2 is what Lithops takes when nothing is said: a process per task. VERSION 1 is its own way to batch: one process per
map, whose pool of workers takes all tasks.
"""

import hashlib
import json
import sys
import time

import lithops


def number(n):
    return f"{n}\n"


def main():
    count, version = int(sys.argv[1]), int(sys.argv[2])
    executor = lithops.FunctionExecutor(
        config={
            "lithops": {
                "mode": "localhost",
                "backend": "localhost",
                "storage": "localhost",
                "log_level": "WARNING",
                # Its cleaner is a process that outlives this one; everything lies in a folder that goes anyway.
                "data_cleaner": False,
            },
            "localhost": {"version": version},
        }
    )
    executor.get_result(executor.map(number, [0]))
    began = time.perf_counter()
    output = "".join(executor.get_result(executor.map(number, list(range(1, count + 1)))))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "sha256": hashlib.sha256(output.encode()).hexdigest()}))


if __name__ == "__main__":
    main()
