#!/usr/bin/env python3
"""hung_client.py ADDRESS GROUP QUESTIONS FILE - a consumer that hangs, and somebody who asks a broker about it: so its admin threads are busy.

The consumer is online in GROUP and answers nothing. Asked what it is doing (GET_CONSUMER_RUNNING_INFO, 307), a broker waits ten seconds for
it, in a thread of the pool that serves all our requests, too. Prints "asked" once the broker waits and the other questions stand in line, and
what the asker is told. When FILE is gone the consumer answers, nobody waits any more, and it ends.
"""
import json
import os
import select
import socket
import struct
import sys

HEART_BEAT, RUNNING_INFO, CLIENT = 34, 307, "127.0.0.1@hung"


def send(sock, header, body=b""):
    text = json.dumps({"language": "JAVA", "serializeTypeCurrentRPC": "JSON", "version": 401, **header}).encode()
    sock.sendall(struct.pack(">II", 4 + len(text) + len(body), len(text)) + text + body)


def receive(sock):
    length = sock.recv(4, socket.MSG_WAITALL)
    frame = sock.recv(struct.unpack(">I", length)[0], socket.MSG_WAITALL) if length else b""
    if not frame:
        sys.exit("the broker has closed the connection")
    return json.loads(frame[4:4 + (struct.unpack(">I", frame[:4])[0] & 0xffffff)])


def ask(asker, group, number):
    send(asker, {"code": RUNNING_INFO, "flag": 0, "opaque": number, "extFields": {"consumerGroup": group, "clientId": CLIENT}})


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    group, left, hangs = sys.argv[2], int(sys.argv[3]), sys.argv[4]
    consumer, asker = (socket.create_connection((host, int(port))) for _ in range(2))
    data = {"groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING",
            "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "unitMode": False, "subscriptionDataSet": []}
    send(consumer, {"code": HEART_BEAT, "flag": 0, "opaque": 1},
         json.dumps({"clientID": CLIENT, "producerDataSet": [], "consumerDataSet": [data]}).encode())
    while (answer := receive(consumer))["code"] != 0 or answer["opaque"] != 1:
        pass  # it is told, too, that its group has changed
    ask(asker, group, 0)
    unasked, waiting = left - 1, []  # waiting: the broker's questions to the consumer
    while left > 0:
        ready, _, _ = select.select([asker, consumer], [], [], 0.05)
        if consumer in ready and (question := receive(consumer))["code"] == RUNNING_INFO:
            waiting.append(question["opaque"])
            while unasked > 0:
                ask(asker, group, unasked)
                unasked -= 1
            print("asked", flush=True)
        if asker in ready:
            answer = receive(asker)
            left -= 1
            print(answer["opaque"], answer["code"], answer.get("remark"), flush=True)
        while waiting and not os.path.exists(hangs):
            send(consumer, {"code": 1, "flag": 1, "opaque": waiting.pop(), "remark": "awake again"})


main()
