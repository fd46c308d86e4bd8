# shellcheck shell=sh
# /etc/profile resets PATH in login shells, such as those of tmux.
PATH="$HOME/.local/bin:$PATH"
export PATH
