#!/usr/bin/env bats
# Terminals: in the foreground of a real one (tmux), and through a console socket.
load helpers

setup() { common_setup; }
teardown() {
	tmux -L "$(basename "$T")" kill-server 2>/dev/null || true
	common_teardown
}

tm() {
	tmux -L "$(basename "$T")" "$@" 3>&-
}

# screen_has TEXT
screen_has() {
	tm capture-pane -p -t s | grep -qF -- "$1"
}

@test "terminal: a shell in tmux: echo, size, resize, Ctrl-C, exit code; the terminal is sane after" {
	make_bundle --terminal -- sh
	tm -f /dev/null new-session -d -s s -x 100 -y 30 bash --norc
	tm send-keys -t s "PS1='host> '; $ACRUN --root $ROOT run --bundle $BUNDLE c1; echo code=\$?" Enter
	wait_for 60 screen_has "/ #"
	tm send-keys -t s 'tty; stty size; echo in-$((40+2))' Enter
	wait_for 20 screen_has "in-42"
	screen_has /dev/pts/0
	screen_has "30 100"
	tm resize-window -t s -x 80 -y 24
	sleep 0.5
	tm send-keys -t s 'stty size' Enter
	wait_for 20 screen_has "24 80"
	tm send-keys -t s 'sleep 300' Enter
	sleep 0.5
	tm send-keys -t s C-c
	tm send-keys -t s 'echo still-here' Enter
	wait_for 20 screen_has "still-here"
	tm send-keys -t s 'exit 7' Enter
	wait_for 30 screen_has "code=7"
	tm send-keys -t s 'stty -a | tr " ;" "\n" | grep -cE "^(icanon|echo)$"; echo sa""ne' Enter
	wait_for 10 screen_has "sane"
	tm capture-pane -p -t s | grep -qx 2
}

@test "terminal: a run that fails leaves the terminal as it was" {
	make_bundle --terminal -- no-such-program
	tm -f /dev/null new-session -d -s s -x 150 -y 30 bash --norc
	tm send-keys -t s "PS1='host> '; $ACRUN --root $ROOT run --bundle $BUNDLE c1; echo code=\$?" Enter
	wait_for 60 screen_has "code=1"
	tm send-keys -t s 'clear; stty -a | tr " ;" "\n" | grep -cE "^(icanon|echo|opost)$"; echo sa""ne' Enter
	wait_for 10 screen_has "sane"
	tm capture-pane -p -t s | grep -qx 3
}

@test "terminal: the console socket gets the master; input before start is kept; size from consoleSize" {
	make_bundle --terminal -- sh -c 'stty size; read line; echo "got $line"; exit 6'
	edit_config '.process.consoleSize = {height: 33, width: 99}'
	# receives the master and copies what comes out of it
	"$(dirname "$ACRUN")/../tests/recvtty" "$T/console.sock" "$T/tty.out" "early words" </dev/null >/dev/null 2>&1 3>&- &
	local receiver=$!
	wait_for 10 test -S "$T/console.sock"
	acrun create --console-socket "$T/console.sock" --pid-file "$T/pid" --bundle "$BUNDLE" c1 </dev/null
	acrun start c1
	wait_status c1 stopped
	wait "$receiver"
	grep -q "33 99" "$T/tty.out"
	grep -q "got early words" "$T/tty.out"
	acrun delete c1
}
