# shellcheck shell=sh
# /etc/profile resets PATH in login shells, such as those of tmux.
PATH="$HOME/.local/bin:$PATH"
export PATH
# shellcheck source=/dev/null
. /usr/local/lib/devforge/egress.sh
