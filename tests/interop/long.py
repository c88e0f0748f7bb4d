"""The handler fleet.long of our side: notes that it ran, and takes its time. Argument: path of the Redis's socket."""
import json
import sys
import time

import redis

args = json.load(sys.stdin)
redis.Redis(unix_socket_path=sys.argv[1]).rpush("runs:%d" % args["n"], "drumbeat")
time.sleep(args["seconds"])
