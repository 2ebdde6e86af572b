# What the recipes share; read by their run scripts.
#
#   DATA      folder with the corpora (default: ../shared/data beside the project)
#   WORK      folder for what the recipe makes (default: build/recipes/NAME); a run that was stopped goes on from there
#   TRANSEPT  the command (default: build/release/transept)
#   THREADS   threads to compute with (default: all cores)
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DATA=${DATA:-$project/../shared/data}
TRANSEPT=${TRANSEPT:-$project/build/release/transept}
THREADS=${THREADS:-0}

fail() { # code, message
  printf '%s: %s\n' "$0" "$2" >&2
  exit "$1"
}

# Every file that the recipe reads, before any work.
need() {
  [ -x "$TRANSEPT" ] || fail 66 "$TRANSEPT: no such program; build it (cmake --preset release && cmake --build --preset release) or set TRANSEPT"
  local file
  for file in "$@"; do
    [ -r "$DATA/$file" ] || fail 66 "$DATA/$file: missing; set DATA to the folder that holds it (README.md says where it comes from)"
  done
}

# Runs a stage; its seconds are kept in times.txt, whose sum counts every try of a stage that was stopped and run again.
stage() { # name, command…
  local name=$1 start=$SECONDS status=0
  shift
  printf '== %s\n' "$name" >&2
  "$@" || status=$?
  printf '%s\t%d\n' "$name" $((SECONDS - start)) >>"$work/times.txt"
  return "$status"
}

# "prepare 1 s, vocab 1 s, train 1:02:03, test 20 s"
times() {
  awk -F '\t' '
    !($1 in sum) { order[++n] = $1 }
    { sum[$1] += $2 }
    END {
      for (i = 1; i <= n; ++i) {
        s = sum[order[i]]
        t = sprintf(s < 600 ? "%d s" : "%d:%02d:%02d h", s < 600 ? s : int(s / 3600), int(s / 60) % 60, s % 60)
        printf("%s%s %s", (i > 1 ? ", " : ""), order[i], t)
      }
      print ""
    }' "$work/times.txt"
}

# Puts the scores on stdin between the marks of the README, under the name of the setting.
record() { # setting, README (default: the recipe's)
  local readme=${2:-$here/README.md} block=$work/measured.md
  grep -q "<!-- measured:$1 -->" "$readme" || fail 1 "$readme: no place for the scores of '$1'"
  {
    printf '%s, commit %s, %s, %s cores, threads %s:\n\n' "$(date -u +%F)" "$(git -C "$project" describe --always --dirty)" \
      "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$THREADS"
    sed 's/^/    /'
    printf '\nTimes: %s.\n' "$(times)"
  } >"$block"
  awk -v block="$block" -v begin="<!-- measured:$1 -->" '
    $0 == begin { print; while ((getline line < block) > 0) print line; skipping = 1; next }
    $0 == "<!-- end -->" { skipping = 0 }
    !skipping { print }' "$readme" >"$work/README.md"
  cp "$work/README.md" "$readme"
}
