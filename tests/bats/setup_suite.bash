# Once before all files: what every test stands on.
setup_suite() {
	ACRUN=${ACRUN:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin/acrun}
	if [[ $(id -u) -ne 0 ]]; then
		echo "these tests start virtual machines and mount: run them as root" >&2
		return 1
	fi
	if [[ ! -x $ACRUN ]]; then
		echo "no acrun at '$ACRUN': build it, or set ACRUN" >&2
		return 1
	fi
	export ACRUN
	[[ ${ACRUN_TEST_HYPERVISOR:-} != acrn ]] || return 0
	# What acrun finds out about a host it tells once, at the first create; the tests' outputs are to be without it.
	local dir
	dir=$(mktemp -d)
	"$(dirname "${BASH_SOURCE[0]}")/../fixtures/mkbundle.sh" "$dir/bundle" -- true
	"$ACRUN" --root "$dir/root" run --bundle "$dir/bundle" first </dev/null >/dev/null 2>&1 || true
	rm -rf "$dir"
}
