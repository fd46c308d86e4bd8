# /etc/profile sets PATH anew for login shells, such as those of tmux.
PATH="$HOME/.local/bin:$PATH"
export PATH
