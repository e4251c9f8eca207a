# The interface as systemd's varlinkctl sees it: each method, each error that can be had, and events.

load helper

fully || return 0

URL=unix:$VK_SOCKET
CALLED=$BATS_FILE_TMPDIR/called
PROFILE='{\"defaultAction\":\"SCMP_ACT_ALLOW\"}'

setup_file() {
	vk_setup
	policy alpha "$(rule ERRNO:$ALPHA_ERRNO mkdir mkdirat)"
	policy beta "$(rule ERRNO:$BETA_ERRNO uname)"
	start crun vl-one beta
	start runc vl-two alpha
}

teardown_file() {
	unhide
	builder template
	stop_all
	vkctl policy rm vl 2>/dev/null || true
	vkctl policy rm fresh 2>/dev/null || true
}

# call METHOD PARAMETERS [OPTION...]: a method without a dot is of io.vkernel
call() {
	local method=$1
	[[ $method == *.* ]] || method=io.vkernel.$method
	varlinkctl call --json=short "${@:3}" "$URL" "$method" <<<"$2"
}

holds() {
	[[ -z $1 ]] || jq -e "$1" <<<"$2" >/dev/null
}

# answers METHOD PARAMETERS CONDITION: of jq's, on the reply
answers() {
	echo "$1" >>"$CALLED"
	run -0 --separate-stderr call "$1" "$2"
	holds "$3" "$output" && return
	printf 'expected: %s\nof:       %s %s\ngot:      %s\n' "$3" "$1" "$2" "$output"
	return 1
}

# errs METHOD PARAMETERS ERROR [CONDITION]: exactly that one; without a dot, of io.vkernel
errs() {
	local error=$3
	[[ $error == *.* ]] || error=io.vkernel.$error
	echo "$error" >>"$CALLED"
	run --separate-stderr call "$1" "$2"
	[[ $status -eq 1 && ${stderr:-} == "Method call "*" failed: $error" ]] &&
		holds "${4:-}" "$output" && return
	printf 'expected: %s %s\nof:       %s %s\ngot:      %s (status %d)\n          %s\n' "$error" \
		"${4:-}" "$1" "$2" "$stderr" "$status" "$output"
	return 1
}

@test "info, interfaces, introspection" {
	run -0 varlinkctl info "$URL"
	says "Vendor: vkernel" "Product: vkerneld" "Interfaces: io.vkernel" org.varlink.service
	expect $'io.vkernel\norg.varlink.service' varlinkctl list-interfaces "$URL"
	varlinkctl introspect "$URL" io.vkernel >"$BATS_FILE_TMPDIR/io.vkernel"
	run -0 varlinkctl validate-idl "$BATS_FILE_TMPDIR/io.vkernel"
	run -0 varlinkctl introspect "$URL" org.varlink.service
	run -1 varlinkctl introspect "$URL" nonesuch
	says org.varlink.service.InterfaceNotFound
}

@test "policies" {
	answers AddPolicy '{"name":"vl","profile":"'"$PROFILE"'","images":["localhost/vl:*"]}' \
		'.policy.name == "vl" and .policy.source == "seccomp" and .warnings == []'
	answers ListPolicies '{}' 'any(.policies[]; .name == "vl" and .images == ["localhost/vl:*"])'
	answers GetPolicy '{"name":"vl"}' '.profile | contains("ALLOW")'
	answers CheckPolicy '{"profile":"'"$PROFILE"'"}' '(.digest | length) == 64'
	errs AddPolicy '{"name":"vl","profile":"{"}' InvalidProfile .message
	errs AddPolicy '{"name":"a b","profile":"'"$PROFILE"'"}' Failed '.message and .hint'
	errs CheckPolicy '{"profile":"[]"}' InvalidProfile .message
	errs GetPolicy '{"name":"nonesuch"}' NoSuchPolicy '.name == "nonesuch"'
	errs RemovePolicy '{"name":"nonesuch"}' NoSuchPolicy '.name == "nonesuch"'
	answers RemovePolicy '{"name":"vl"}' '. == {}'
	errs RemovePolicy '{"name":"vl"}' NoSuchPolicy
}

@test "builds and the cache" {
	local key
	answers Build '{"policy":"beta"}' '.build.outcome == "ok" and (.module | startswith("vkernel_"))'
	key=$(call ListCache '{}' | jq -r '.entries[] | select(.use == "loaded") | .key' | head -n 1)
	answers ListBuilds '{}' 'any(.builds[]; .outcome == "ok")'
	answers ListCache '{}' 'any(.entries[]; .use == "loaded") and any(.entries[]; .use == "needed")'
	# Other suites have left some that are not.
	answers VerifyCache '{}' 'any(.entries[]; .state == "ok")'
	errs Build '{"policy":"nonesuch"}' NoSuchPolicy '.name == "nonesuch"'
	errs RemoveCached '{"entry":"nonesuch"}' NoSuchEntry '.entry == "nonesuch"'
	errs RemoveCached "{\"entry\":\"$key\"}" EntryInUse ".key == \"$key\" and .message"
	policy fresh "$(rule ERRNO:53 uname)"
	call Build '{"policy":"fresh"}'
	answers RemoveCached '{"entry":"fresh"}' \
		'(.removed | length) == 1 and .removed[0].reason == "asked"'
	answers CollectCache '{}' .removed
}

@test "modules of other hosts" {
	local exported
	answers Export '{"policy":"fresh"}' '.prebuilt.architecture == "x86_64" and .data'
	exported=$output
	errs Export '{"policy":"nonesuch"}' NoSuchPolicy
	errs Export '{}' Unsupported '.message | contains("installed")'
	errs Import "$(jq -c '.prebuilt.kernel = "2.4.0"' <<<"$exported")" Unsupported \
		'.message | contains("2.4.0")'
	errs Import "$exported" Unsupported '.hint | contains("ModuleImportCerts=")'
	errs Import "$(jq -c '.data = "?"' <<<"$exported")" Failed '.message | contains("base64")'
	call RemoveCached '{"entry":"fresh"}'
	answers Import "$(jq -c '.insecure = true' <<<"$exported")" '.signer == null and (.key | length) == 64'
	call RemoveCached '{"entry":"fresh"}'
}

@test "containers" {
	local one
	one=$(instance vl-one pid)
	answers List '{}' '[.instances[].container] | contains(["vl-one", "vl-two"])'
	answers Inspect '{"container":"vl-o"}' '.instance.policy == "beta" and .instance.state == "active"'
	answers SetMode '{"container":"vl-one","mode":"audit"}' '.instance.mode == "audit"'
	call SetMode '{"container":"vl-one","mode":"enforce"}'
	answers ApplyPolicy '{"container":"vl-one","policy":"alpha"}' '.instance.policy == "alpha"'
	call ApplyPolicy '{"container":"vl-one","policy":"beta"}'
	errs Inspect '{"container":"nonesuch"}' NoSuchContainer '.container == "nonesuch"'
	errs Inspect '{"container":"vl-"}' Ambiguous '(.matches | sort) == ["vl-one", "vl-two"]'
	errs SetMode '{"container":"nonesuch","mode":"audit"}' NoSuchContainer
	errs ApplyPolicy '{"container":"vl-one","policy":"nonesuch"}' NoSuchPolicy
	errs ApplyPolicy '{"container":"nonesuch","policy":"beta"}' NoSuchContainer
	errs Unbind '{"container":"nonesuch"}' NoSuchContainer '.container == "nonesuch"'
	errs Unbind '{"container":"vl-one"}' InUse '.name == "vl-one"'
	errs Bind '{"container":"vl-three","pid":4194303,"policy":"beta"}' NoSuchProcess '.pid == 4194303'
	errs Bind "{\"container\":\"vl-one\",\"pid\":$one,\"policy\":\"beta\"}" AlreadyBound
	errs Bind '{"container":"vl-three","pid":1,"policy":"nonesuch"}' NoSuchPolicy
}

@test "binding, and taking it back" {
	sleep 100 3>&- &
	answers Prepare '{"container":"vl-three","policy":"beta"}' '.digest and .module and .cached'
	answers Bind "{\"container\":\"vl-three\",\"pid\":$!,\"policy\":\"beta\"}" \
		'.instance.state == "pending" and .instance.policy == "beta"'
	answers Unbind '{"container":"vl-three"}' '. == {}'
	kill $!
	errs Prepare '{"container":"vl-three","policy":"nonesuch"}' NoSuchPolicy
}

@test "modules and the host" {
	answers ListModules '{}' 'any(.modules[]; .instances == 1 and .hooks > 0)'
	answers Status '{}' '.healthy and (.checks | length) > 0'
	errs Unload '{"module":"nonesuch"}' NoSuchModule '.module == "nonesuch"'
	errs Unload '{"module":"beta"}' InUse '.name == "beta" and .containers == ["vl-one"]'
	answers Unload '{}' .unloaded
}

@test "events, one reply each" {
	local events=$BATS_TEST_TMPDIR/events
	errs Monitor '{}' org.varlink.service.ExpectedMore
	echo Monitor >>"$CALLED"
	call Monitor '{"container":"vl-"}' --more >"$events" 3>&- &
	sleep 1
	start crun vl-three beta
	refused $BETA_ERRNO inside vl-three callprobe native uname buf
	stop vl-three
	eventually grep -q '"release"' "$events"
	kill $!
	# With more, varlinkctl writes what RFC 7464 calls a sequence.
	sed -i 's/^\x1e//' "$events"
	expect $'bind\nactivate\ndenied\nexit\nrelease' jq -r --slurp 'map(.event.kind)
		| . as $kinds | ["bind", "activate", "denied", "exit", "release"][]
		| select(IN($kinds[]))' "$events"
	jq -e --slurp 'map(.event) | all(.container == "vl-three")
		and any(.kind == "denied" and .call == "uname" and .mode == "enforce")' "$events"
}

@test "what no method takes" {
	local method bad=org.varlink.service.InvalidParameter
	errs nonesuch.Method '{}' org.varlink.service.InterfaceNotFound '.interface == "nonesuch"'
	errs Nonesuch '{}' org.varlink.service.MethodNotFound '.method == "Nonesuch"'
	errs Bind '{}' $bad '.parameter == "pid"'
	errs Bind '{"container":7,"pid":1}' $bad '.parameter == "container"'
	errs SetMode '{"container":"vl-one","mode":"off"}' $bad '.parameter == "mode"'
	for method in $(varlinkctl list-methods "$URL" io.vkernel); do
		[[ $method == *.Monitor ]] || errs "$method" '{"odd":1}' $bad '.parameter == "odd"'
	done
	errs CheckPolicy "{\"profile\":[0$(yes ,0 | head -n 131072 | tr -d '\n')]}" LimitExceeded \
		'.message | contains("values")'
}

@test "who is neither root nor of the group is told so" {
	run --separate-stderr setpriv --reuid=nobody --regid=nogroup --clear-groups \
		--inh-caps=+dac_override --ambient-caps=+dac_override \
		varlinkctl call "$URL" io.vkernel.List '{}'
	[ "$stderr" = "Method call io.vkernel.List() failed: io.vkernel.PermissionDenied" ]
	echo io.vkernel.PermissionDenied >>"$CALLED"
}

@test "without a compiler, and without headers" {
	builder kbuild
	hide_compilers
	errs Build '{"policy":"fresh"}' BuildFailed '.hint | contains("gcc")'
	unhide
	hide_headers
	errs Build '{"policy":"fresh"}' KernelMissing '.hint | contains("linux-headers")'
	unhide
}

# That takes as many builds as there may wait: see the unit tests.
UNTRIED=QueueFull

@test "no method and no error was left out" {
	diff <(varlinkctl list-methods "$URL" io.vkernel | sed 's/.*\.//' | sort) \
		<(grep -v '\.' "$CALLED" | sort -u)
	diff <(sed -n 's/^error \([A-Za-z]*\).*/\1/p' "$BATS_FILE_TMPDIR/io.vkernel" |
		grep -vx "$UNTRIED" | sort) <(sed -n 's/^io\.vkernel\.//p' "$CALLED" | sort -u)
}
