# shellcheck shell=bash
case $- in *i*) ;; *) return ;; esac

case $PATH in "$HOME/.local/bin:"*) ;; *) PATH="$HOME/.local/bin:$PATH" ;; esac

# shellcheck source=/dev/null
. /usr/local/lib/devforge/egress.sh

HISTCONTROL=ignoreboth
HISTSIZE=10000
HISTFILESIZE=20000
shopt -s histappend checkwinsize globstar

__devforge_branch() {
  local branch
  branch=$(git symbolic-ref --quiet --short HEAD 2>/dev/null || git rev-parse --short HEAD 2>/dev/null) && printf ' (%s)' "$branch"
}
# A workspace that was created ahead got its host name before its container had a name.
PS1='\[\e[32m\]\u@${DEVFORGE_CONTAINER_NAME:-\h}\[\e[0m\]:\[\e[34m\]\w\[\e[33m\]$(__devforge_branch)\[\e[0m\]\$ '

alias ls='ls --color=auto'
alias ll='ls -l'
alias la='ls -lA'
alias grep='grep --color=auto'
