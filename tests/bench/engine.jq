# A profile in Docker's format, as an engine writes it into config.json for the capabilities $caps.
def includes: (.includes.caps // []) - $caps == [] and (.includes.arches // ["amd64"] | index("amd64"));
def excludes: (.excludes.caps // []) as $not
	| $not - ($not - $caps) != [] or (.excludes.arches // [] | index("amd64"));
{
	defaultAction,
	architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
	syscalls: [
		.syscalls[] | select(includes and (excludes | not))
		| {names, action, errnoRet, args} | with_entries(select(.value != null))
	]
} + if .defaultErrnoRet then {defaultErrnoRet} else {} end
