#!/usr/bin/env bash
# The request's body is standard input, what is printed is the reply, the exit code decides the status.
set -euo pipefail

echo "${Http_Method} ${Http_Path}"
cat
