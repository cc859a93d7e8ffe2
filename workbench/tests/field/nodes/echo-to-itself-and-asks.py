#!/usr/bin/env python3
import sys, json
node = None
def send(dest, body):
    print(json.dumps({"src": node, "dest": dest, "body": body}), flush=True)
for line in sys.stdin:
    m = json.loads(line); b = m["body"]
    if b["type"] == "init":
        node = b["node_id"]
        send(m["src"], {"type": "init_ok", "in_reply_to": b["msg_id"]})
        for number in range(1, 100):
            for other in b["node_ids"]:
                if other != node:
                    send(other, {"type": "ping", "msg_id": number})
    elif b["type"] == "echo":
        send(node, {"type": "echo_ok", "in_reply_to": b["msg_id"], "echo": b["echo"]})
