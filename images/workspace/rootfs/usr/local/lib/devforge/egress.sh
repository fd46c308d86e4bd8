# shellcheck shell=sh
# Sourced. A workspace that is restricted when it is created has these variables in its environment; one that is restricted
# while it runs gets them here, also after it was opened again: it has an interface of its own from its next start.
devforge_is_fenced() {
  [ -e /run/devforge/egress/fenced ] && return
  [ -d /run/devforge/egress ] || return
  for devforge_interface in /sys/class/net/*; do
    [ "$devforge_interface" = /sys/class/net/lo ] || return 1
  done
}
if [ -z "${HTTPS_PROXY:-}" ] && devforge_is_fenced; then
  devforge_java=${JAVA_TOOL_OPTIONS:-}
  set -a
  # shellcheck source=/dev/null
  . /usr/local/lib/devforge/egress.env
  JAVA_TOOL_OPTIONS="$JAVA_TOOL_OPTIONS${devforge_java:+ $devforge_java}"
  set +a
fi
unset -f devforge_is_fenced
unset devforge_interface devforge_java
