#!/usr/bin/python3
"""bus_latency.py TREE NAME COUNT UID: makes files in the tree, one after the other, and notes as a line of JSON when
each was put right (CLOCK_MONOTONIC) and how long that took, in milliseconds."""
import json
import os
import sys
import time

where, name, count, uid = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(count):
    path = f'{where}/{name}-{number}'
    with open(path, 'w', encoding='ascii'):
        pass
    begun = time.monotonic()
    while os.stat(path).st_uid != uid:
        if time.monotonic() > begun + 30:
            sys.exit(f'{path} was not put right')
        time.sleep(0.0002)
    at = time.monotonic()
    print(json.dumps({'path': path, 'at': at, 'took': (at - begun) * 1000}))
    time.sleep(0.02)
