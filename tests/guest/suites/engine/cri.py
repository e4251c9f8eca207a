#!/usr/bin/python3
"""A client of the CRI, as small as the suite needs it: what kubelet asks of containerd.

cri.py pod NAME HANDLER [KEY=VALUE...]          a sandbox on the host's network; prints its id
cri.py container POD NAME IMAGE [KEY=VALUE...] -- COMMAND...
                                                a container in it, started; prints its id
cri.py exec CONTAINER COMMAND...                its output and exit status
cri.py stop|remove|stop-pod|remove-pod ID

KEY=VALUE are annotations, but for seccomp= and apparmor=: RuntimeDefault, Unconfined or
Localhost:NAME.
"""

import pathlib
import sys

import grpc

from wire import message, parse, text_map

SOCKET = "unix:///run/containerd/containerd.sock"
LOGS = "/var/log/pods/vkernel"
# What a pod was made with is said again for each of its containers.
PODS = pathlib.Path("/run/vk-pods")
NAMESPACE_OF_NODE = 2
PROFILES = ["RuntimeDefault", "Unconfined", "Localhost"]


def call(method, request):
    with grpc.insecure_channel(SOCKET) as channel:
        ask = channel.unary_unary("/runtime.v1.RuntimeService/" + method)
        return parse(ask(message(request), timeout=120))


def profile(text):
    kind, _, name = text.partition(":")
    return {1: PROFILES.index(kind), 2: name}


def options(words):
    """Annotations, and the fields of a security context."""
    given = dict(word.split("=", 1) for word in words)
    confined = {key: profile(given.pop(key)) for key in ("seccomp", "apparmor") if key in given}
    return text_map(given), confined


def sandbox(name, annotations, confined):
    context = {1: {1: NAMESPACE_OF_NODE}}
    context.update({9: confined["seccomp"]} if "seccomp" in confined else {})
    context.update({10: confined["apparmor"]} if "apparmor" in confined else {})
    return {1: {1: name, 2: "uid-" + name, 3: "default"}, 3: LOGS,
            7: annotations, 8: {2: context}}


def run_pod(name, handler, *words):
    annotations, confined = options(words)
    config = message(sandbox(name, annotations, confined))
    made = call("RunPodSandbox", {1: config, 2: handler})[1].decode()
    PODS.mkdir(exist_ok=True)
    (PODS / made).write_bytes(config)
    print(made)


def run_container(pod, name, image, *words):
    split = words.index("--")
    annotations, confined = options(words[:split])
    context = {3: {1: NAMESPACE_OF_NODE}}
    context.update({15: confined["seccomp"]} if "seccomp" in confined else {})
    context.update({16: confined["apparmor"]} if "apparmor" in confined else {})
    config = {1: {1: name}, 2: {1: image}, 3: list(words[split + 1:]), 10: annotations,
              11: name + ".log", 15: {2: context}}
    made = call("CreateContainer", {1: pod, 2: config, 3: (PODS / pod).read_bytes()})[1].decode()
    print(made, flush=True)
    call("StartContainer", {1: made})


def execute(container, *command):
    answer = call("ExecSync", {1: container, 2: list(command), 3: 60})
    sys.stdout.write(answer.get(1, b"").decode())
    sys.stderr.write(answer.get(2, b"").decode())
    sys.exit(answer.get(3, 0))


def one(method):
    return lambda name: call(method, {1: name})


VERBS = {
    "pod": run_pod,
    "container": run_container,
    "exec": execute,
    "stop": one("StopContainer"),
    "remove": one("RemoveContainer"),
    "stop-pod": one("StopPodSandbox"),
    "remove-pod": one("RemovePodSandbox"),
}

try:
    VERBS[sys.argv[1]](*sys.argv[2:])
except grpc.RpcError as error:
    sys.exit(f"cri: {error.details()}")
