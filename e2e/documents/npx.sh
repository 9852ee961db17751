#!/usr/bin/env bash
# Stands in for `npx -y pnpm@12 SCRIPT ...`: the same script of the same package.json, in the same place. It neither asks
# the registry for pnpm again each time, nor builds in the middle of the tests what they run on. `npx PROGRAM ...` is a
# program of the package in the working directory, as with npx itself.
set -euo pipefail
if [[ "$1 $2" != "-y pnpm@12" ]]; then
  program=$1
  shift
  exec "node_modules/.bin/$program" "$@"
fi
shift 2
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
cd "$root"
export PATH="$root/node_modules/.bin:$PATH"
command=$(node -e 'console.log(require("./package.json").scripts[process.argv[1]] ?? "")' "$1")
[[ -n $command ]] || { echo "package.json has no script $1" >&2; exit 64; }
shift
exec bash -c "${command#pnpm run build && } \"\$@\"" bash "$@"
