#!/usr/bin/env bash
# One instruction of Claude Code as a CI job: clones a branch into a new container, gives the instruction, follows it,
# runs a check, saves the patch, deletes the container. Exit code 1 when the instruction or the check fails.
#
#   DEVFORGE_URL    address of the server
#   DEVFORGE_TOKEN  its token
#   REPO_URL        repository to clone, https:// or ssh
#   PROMPT          what is to be done
#   REPO_BRANCH     branch; the repository's default branch without
#   SSH_KEY_PATH    key for ssh URLs, a path on the server
#   CHECK           shell command that must succeed afterwards, such as "npm ci && npm test"
#   EGRESS_ALLOW    further hosts that the container may reach, as JSON: [{ "host": "api.example.org" }]
#   PATCH           file that the patch is written to; devforge.patch without
#   NAME            name of the container; ci-<process id> without
#   MAX_BUDGET_USD  bound of the instruction, 5 without
#   TIMEOUT_SECONDS bound of the instruction and of the check, 1800 without
#
# Needs curl and jq.
set -euo pipefail

: "${DEVFORGE_URL:?}" "${DEVFORGE_TOKEN:?}" "${REPO_URL:?}" "${PROMPT:?}"
NAME=${NAME:-ci-$$}
PATCH=${PATCH:-devforge.patch}
TIMEOUT_SECONDS=${TIMEOUT_SECONDS:-1800}

# api METHOD PATH [curl options]: prints the answer. An error is printed to stderr, as the problem document that it is.
api() {
  local method=$1 path=$2 answer
  shift 2
  if ! answer=$(request "$method" "$path" --fail-with-body "$@"); then
    echo "$method $path: $answer" >&2
    return 1
  fi
  echo "$answer"
}

request() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --request "$method" --header "Authorization: Bearer $DEVFORGE_TOKEN" \
    --header 'Content-Type: application/json' "$DEVFORGE_URL$path" "$@"
}

fail() {
  echo "$1" >&2
  exit 1
}

# autonomous: nobody is there to answer questions of the agent. It reaches the repository, the API of the model, and what
# package managers load from; EGRESS_ALLOW adds to that.
body=$(jq --null-input --arg name "$NAME" --arg url "$REPO_URL" --arg branch "${REPO_BRANCH:-}" --arg key "${SSH_KEY_PATH:-}" \
  --argjson allow "${EGRESS_ALLOW:-[]}" \
  '{ name: $name, template: "claude", mode: "autonomous", repoType: "clone", repoUrl: $url,
     egressSets: ["git", "model", "packages"], egressAllow: $allow }
   + if $branch == "" then {} else { repoBranch: $branch } end
   + if $key == "" then {} else { sshKeyPath: $key } end')
api POST /api/containers --header 'Prefer: wait=600' --data "$body" | jq --raw-output '"container \(.name): \(.status)"'
trap 'api DELETE "/api/containers/$NAME"' EXIT
trap 'exit 1' INT TERM
status=$(api GET "/api/containers/$NAME" | jq --raw-output '"\(.status) \(.statusReason.message // "")"')
[ "${status%% *}" = running ] || fail "The container does not run: $status"

# The key makes it safe to send this again when the network fails: the same instruction is answered.
instruction=$(jq --null-input --arg prompt "$PROMPT" --argjson usd "${MAX_BUDGET_USD:-5}" --argjson seconds "$TIMEOUT_SECONDS" \
  '{ prompt: $prompt, maxBudgetUsd: $usd, timeoutSeconds: $seconds }' |
  api POST "/api/containers/$NAME/instructions" --retry 3 --header "Idempotency-Key: $NAME" --data @- |
  jq --raw-output .id)

# What the agent says and which tools it uses, as it happens.
request GET "/api/instructions/$instruction/events?follow=true" --fail --no-buffer | jq --raw-output '
  .event | objects | select(.type == "assistant") | .message.content[]
  | if .type == "text" then .text elif .type == "tool_use" then "→ \(.name) \(.input | tostring | .[:200])" else empty end'

result=$(api GET "/api/instructions/$instruction")
api GET "/api/instructions/$instruction/diff" --output "$PATCH"
echo "$result" | jq --raw-output '"instruction: \(.status), \(.turns // 0) turns, \(.costUsd // 0) USD"'
echo "patch: $(wc -c <"$PATCH") bytes in $PATCH"
[ "$(echo "$result" | jq --raw-output .status)" = succeeded ] ||
  fail "$(echo "$result" | jq --raw-output '.statusReason | "\(.code): \(.message)"')"

if [ -n "${CHECK:-}" ]; then
  checked=$(jq --null-input --arg check "$CHECK" --argjson seconds "$TIMEOUT_SECONDS" \
    '{ command: ["sh", "-c", $check], timeoutSeconds: $seconds }' | api POST "/api/containers/$NAME/exec" --data @-)
  echo "$checked" | jq --raw-output '.stdout, .stderr, "check: exit code \(.exitCode)"'
  [ "$(echo "$checked" | jq .exitCode)" = 0 ] || fail 'The check failed.'
fi
