#!/usr/bin/env bash
# Creates a container, waits for it, runs a command, has Claude Code work in it, prints the diff, and deletes it again.
#
#   DEVFORGE_URL=http://localhost:3000 DEVFORGE_TOKEN=… examples/curl/tour.sh
#
# NAME, REPO_URL and PROMPT may be set too. Needs curl and jq, and a credential for Claude Code in DevForge's settings.
set -euo pipefail

: "${DEVFORGE_TOKEN:?set it to the token, as in DATA_DIR/admin-token}"
DEVFORGE_URL=${DEVFORGE_URL:-http://localhost:3000}
NAME=${NAME:-tour-$$}
PROMPT=${PROMPT:-Write a file hello.txt that greets the reader.}

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

clean_up() {
  api DELETE "/api/containers/$NAME" >/dev/null && echo "Deleted $NAME."
}

echo "Creating $NAME …"
body=$(jq --null-input --arg name "$NAME" --arg repo "${REPO_URL:-}" \
  '{ name: $name, template: "claude", mode: "autonomous", cpuLimit: 1, memoryLimit: 1024 }
   + if $repo == "" then {} else { repoType: "clone", repoUrl: $repo } end')
# The answer comes as soon as the container runs, or after 60 seconds with the status that it has by then.
status=$(api POST /api/containers --header 'Prefer: wait=60' --data "$body" | jq --raw-output .status)
trap clean_up EXIT
trap 'exit 1' INT TERM

# A first image build takes minutes. The job says how far it is.
while [ "$status" != running ]; do
  if [ "$status" = failed ]; then
    api GET "/api/containers/$NAME" | jq .statusReason >&2
    exit 1
  fi
  job=$(api GET "/api/containers/$NAME" | jq --raw-output .job.id)
  api GET "/api/jobs/$job" | jq --raw-output '"  \(.step // .state) \(.progress) % \(.message // "")"'
  sleep 2
  status=$(api GET "/api/containers/$NAME" | jq --raw-output .status)
done
echo "$NAME is running."

echo 'Running a command …'
api POST "/api/containers/$NAME/exec" --data '{ "command": ["sh", "-c", "id -un && claude --version"] }' |
  jq --raw-output '.stdout, "exit code \(.exitCode)"'

echo 'Giving an instruction …'
# A git repository makes the diff possible; an empty workspace gets one.
api POST "/api/containers/$NAME/exec" --data '{ "command": ["git", "init", "--quiet"] }' >/dev/null
instruction=$(jq --null-input --arg prompt "$PROMPT" '{ prompt: $prompt, timeoutSeconds: 600 }' |
  api POST "/api/containers/$NAME/instructions" --data @- | jq --raw-output .id)
# One line per event, as Claude Code works; the answer ends when the instruction is over.
request GET "/api/instructions/$instruction/events?follow=true" --fail --no-buffer | jq --raw-output '"  \(.seq) \(.event.type)"'
api GET "/api/instructions/$instruction" | jq '{ status, statusReason, result, turns, costUsd }'

echo 'What it changed:'
api GET "/api/instructions/$instruction/diff"
[ "$(api GET "/api/instructions/$instruction" | jq --raw-output .status)" = succeeded ]
