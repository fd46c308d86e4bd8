# shellcheck shell=sh source=/dev/null
[ -n "$BASH_VERSION" ] && [ -f ~/.bashrc ] && . ~/.bashrc
