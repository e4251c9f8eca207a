#!/usr/bin/python3
"""archive NAME ROOTFS FILE COMMAND...: an image of one layer, as docker, podman and ctr load it."""

import hashlib
import io
import json
import pathlib
import sys
import tarfile


def add(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def layer_of(rootfs):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as layer:
        for entry in sorted(pathlib.Path(rootfs).iterdir()):
            layer.add(entry, arcname=entry.name)
    return stream.getvalue()


def main():
    name, rootfs, path, *command = sys.argv[1:]
    layer = layer_of(rootfs)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": command, "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        add(archive, "layer.tar", layer)
        add(archive, "config.json", json.dumps(config).encode())
        add(archive, "manifest.json", json.dumps(manifest).encode())


main()
