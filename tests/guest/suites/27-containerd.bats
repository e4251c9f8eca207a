# containerd's containers on virtual kernels: by ctr, and through the CRI as kubelet has them.

load helper
load engine

# Nothing is mounted: where it is allowed, there is no such file system (19).
MOUNT=(callprobe native mount str:none str:/tmp str:nonesuch 0 0)

setup_file() {
	vk_setup
	add_alpha_and_beta
	start_containerd
	import_images
}

teardown_file() {
	remove_pods
	stop_containerd
	stop_all
}

# Debian's settings, the fragment of the documentation, and a pause image that is here.
start_containerd() {
	[[ -e $VK_ROOM/containerd.toml ]] ||
		cp /etc/containerd/config.toml "$VK_ROOM/containerd.toml"
	sed '/\[plugins."io.containerd.grpc.v1.cri"\]$/a sandbox_image = "localhost/pause:1"' \
		"$VK_ROOM/containerd.toml" >/etc/containerd/config.toml
	expect yes add_runtime
	expect no add_runtime
	systemctl restart containerd
}

add_runtime() {
	HOST='' "$VK_DOCS/kubernetes/node" runtime "$VK_DOCS/containerd"
}

stop_containerd() {
	systemctl stop containerd
	cp "$VK_ROOM/containerd.toml" /etc/containerd/config.toml
}

import_images() {
	local archive
	for archive in "$(probe_image)" "$(pause_image)"; do
		ctr --namespace k8s.io images import "$archive"
		ctr images import "$archive"
	done >/dev/null
	eventually images_known
}

images_known() {
	[[ $(ctr --namespace k8s.io images check 2>/dev/null | grep -c localhost) -ge 2 ]]
}

cri() {
	python3 "$ENGINE/cri.py" "$@" </dev/null
}

remove_pods() {
	local pod
	for pod in "$VK_ROOM"/pods/*; do
		[[ -e $pod ]] || continue
		cri stop-pod "$(cat "$pod")" && cri remove-pod "$(cat "$pod")"
		rm -f "$pod"
	done
}

# pod NAME [OPTION...]: its id is remembered, and in $pod
pod() {
	mkdir -p "$VK_ROOM/pods" /var/log/pods/vkernel
	pod=$(cri pod "$1" vkernel "${@:2}") || return 1
	echo "$pod" >"$VK_ROOM/pods/$1"
}

# container NAME [OPTION...]: one that sleeps, in $pod; its id is in $container
container() {
	container=$(cri container "$pod" "$1" localhost/probe:1 "${@:2}" -- sleep 100000)
}

# ctr_run NAME [OPTION...]
ctr_run() {
	ctr run --detach --runtime io.containerd.runc.v2 --runc-binary /usr/bin/vkernel-runtime \
		"${@:2}" localhost/probe:1 "$1" </dev/null >"$VK_ROOM/said" 2>&1 3>&- ||
		{ cat "$VK_ROOM/said"; return 1; }
}

ctr_remove() {
	ctr tasks kill --signal KILL "$1"
	ctr tasks delete "$1" || true
	ctr containers delete "$1"
}

@test "ctr: a policy by annotation, for what enters, too; nothing is left" {
	ctr_run by-ctr --annotation io.vkernel.policy=beta
	[ "$(instance by-ctr policy)" = beta ]
	refused $BETA_ERRNO ctr tasks exec --exec-id probe by-ctr callprobe native uname buf
	allowed ctr tasks exec --exec-id probe by-ctr callprobe native mkdir str:/tmp/new 0700
	ctr_remove by-ctr
	eventually gone by-ctr
}

@test "ctr: containerd's own profile is the virtual kernel's" {
	ctr_run filtered --seccomp --annotation io.vkernel.policy=beta
	[ "$(field_of_status "$(instance filtered pid)" Seccomp)" = 0 ]
	refused 1 ctr tasks exec --exec-id probe filtered \
		"${MOUNT[@]}"
	ctr_remove filtered
	eventually gone filtered
}

@test "the CRI: two containers of a pod, two policies" {
	local alpha beta pod container
	pod two
	[ "$(instance "$pod" state)" = active ]
	container first io.vkernel.policy=alpha
	alpha=$container
	container second io.vkernel.policy=beta
	beta=$container
	[ "$(instance "$alpha" policy)" = alpha ]
	[ "$(instance "$beta" policy)" = beta ]
	refused $ALPHA_ERRNO cri exec "$alpha" callprobe native mkdir str:/tmp/new 0700
	allowed cri exec "$alpha" callprobe native uname buf
	refused $BETA_ERRNO cri exec "$beta" callprobe native uname buf
	allowed cri exec "$beta" callprobe native mkdir str:/tmp/new 0700
	[ "$(vkctl list --json | jq length)" -eq 3 ]

	cri stop "$alpha"
	eventually gone "$alpha"
	cri remove "$alpha"
	refused $BETA_ERRNO cri exec "$beta" callprobe native uname buf
	remove_pods
	eventually no_instances
}

@test "the CRI: a pod's annotation is that of its containers, not of what holds it" {
	local pod container
	pod annotated io.vkernel.policy=beta
	[ "$(instance "$pod" policy)" = null ]
	container inherits
	[ "$(instance "$container" policy)" = beta ]
	container differs io.vkernel.policy=alpha
	[ "$(instance "$container" policy)" = alpha ]
	remove_pods
	eventually no_instances
}

@test "the CRI: a policy that is mapped to the image" {
	local pod container
	profile "$(rule ERRNO:57 uname)" | vkctl policy add by-name - --image 'localhost/probe:*'
	pod mapped
	[ "$(instance "$pod" policy)" = null ]
	container mapped
	[ "$(instance "$container" policy)" = by-name ]
	refused 57 cri exec "$container" callprobe native uname buf
	remove_pods
	vkctl policy rm by-name
}

@test "the CRI: RuntimeDefault is the virtual kernel's, of both kinds" {
	local pod container pid
	pod defaults seccomp=RuntimeDefault apparmor=RuntimeDefault
	container defaults seccomp=RuntimeDefault apparmor=RuntimeDefault
	pid=$(instance "$container" pid)
	[ "$(field_of_status "$pid" Seccomp)" = 0 ]
	expect unconfined cat "/proc/$pid/attr/apparmor/current"
	refused 1 cri exec "$container" "${MOUNT[@]}"
	refused 13 cri exec "$container" callprobe native open str:/proc/sysrq-trigger 0
	container loose seccomp=Unconfined apparmor=Unconfined
	allowed cri exec "$container" callprobe native open str:/proc/sysrq-trigger 0
	remove_pods
}

@test "the CRI: what it writes is logged" {
	local pod container
	pod logged
	container=$(cri container "$pod" writer localhost/probe:1 io.vkernel.policy=beta -- \
		sh -c 'callprobe native uname buf; sleep 100000')
	eventually grep -q "stdout F ret -1 errno $BETA_ERRNO" /var/log/pods/vkernel/writer.log
	remove_pods
}

@test "the CRI: a policy that is missing keeps the container from starting, and it says so" {
	local pod
	pod missing
	run ! cri container "$pod" missing localhost/probe:1 io.vkernel.policy=nonesuch -- sleep 9
	says nonesuch
	remove_pods
	eventually no_instances
}

@test "the policies of the ConfigMap are those of a node, and a pod's annotation names one" {
	local pod container
	mkdir -p "$BATS_TEST_TMPDIR/policies"
	python3 - "$VK_DOCS/kubernetes/policies.yaml" "$BATS_TEST_TMPDIR/policies" <<-EOF
		import pathlib, sys, yaml
		for name, text in yaml.safe_load(open(sys.argv[1]))["data"].items():
		    pathlib.Path(sys.argv[2], name).write_text(text)
	EOF
	run -0 "$VK_DOCS/kubernetes/node" policies "$BATS_TEST_TMPDIR/policies"
	says "web: vkernel_"
	pod web io.vkernel.policy=web
	container web
	[ "$(instance "$container" policy)" = web ]
	refused 38 cri exec "$container" callprobe native io_uring_setup 1 buf
	refused 13 cri exec "$container" callprobe native open str:/proc/sys/kernel/hostname 1
	allowed cri exec "$container" callprobe native open str:/proc/sys/kernel/hostname 0
	remove_pods
	vkctl policy rm web
}

@test "containerd is killed: its containers go on as they were, and end as they would" {
	local pod container
	pod survivor
	container survivor io.vkernel.policy=beta
	systemctl kill --kill-whom=main --signal=KILL containerd.service
	[ "$(instance "$container" state)" = active ]
	systemctl reset-failed containerd.service || true
	systemctl start containerd.service
	refused $BETA_ERRNO cri exec "$container" callprobe native uname buf
	remove_pods
	eventually no_instances
}
