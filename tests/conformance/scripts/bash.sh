# What bash adds: arrays, process substitution, coprocesses, [[ ]], (( )), pipefail, here-strings, mapfile, jobs.
set -u
LC_ALL=C
export LC_ALL

echo "-- arrays"
declare -a list=(zero one "two words" three)
list+=(four); unset 'list[1]'
echo "${#list[@]}" "${!list[@]}" "${list[2]}" "${list[@]: -2}"
declare -A ages=([ann]=30 [bob]=25); ages[cid]=41
for name in $(printf '%s\n' "${!ages[@]}" | sort); do echo "$name ${ages[$name]}"; done
mapfile -t lines < <(seq 5); echo "${lines[*]}" "${#lines[@]}"
IFS=, read -ra parts <<< 'x,y,z'; printf '<%s>' "${parts[@]}"; echo

echo "-- process substitution"
diff <(seq 3) <(printf '1\n2\n4\n'); echo "diff $?"
seq 3 | tee >(cat > tee.out) > /dev/null; sleep 0.2; cat tee.out
while read -r left right; do echo "$left+$right"; done < <(paste -d' ' <(seq 3) <(seq 4 6))

echo "-- expressions"
[[ abc123 =~ ^([a-z]+)([0-9]+)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
[[ file.txt == *.txt && 5 -gt 3 ]] && echo matched
((x = 2 ** 10, y = x >> 3)); echo $x $y $((x % 1000)) $((16#ff)) $((RANDOM >= 0))
for ((i = 0; i < 3; i++)); do printf '%d,' $i; done; echo
echo {a..e} {01..05..2} pre{A,B}post

echo "-- strings"
s="Hello, World"; echo "${s^^}" "${s,,}" "${s:7:5}" "${s/o/0}" "${s//o/0}" "${#s}"
printf -v padded '%08.3f' 3.14159; echo "$padded"; printf '%q\n' "a b'c"; printf '%(%Y)T\n' 0
echo $'tab\there' "${s@Q}"

echo "-- pipelines"
set -o pipefail; false | true; echo "pipefail $? ${PIPESTATUS[*]}"; set +o pipefail
seq 1 5000 | grep -c 1 | { read -r n; echo "n=$n"; }
shopt -s lastpipe; echo value | read -r kept; echo "$kept"
{ echo to stdout; echo to stderr >&2; } |& sort

echo "-- coprocess"
coproc UPPER { while read -r line; do echo "${line^^}"; done; }
echo shout >&"${UPPER[1]}"; read -r answer <&"${UPPER[0]}"; echo "$answer"
eval "exec ${UPPER[1]}>&-"; wait "$UPPER_PID"; echo "coproc $?"

echo "-- jobs"
sleep 0.3 & sleep 0.1 & jobs -p | wc -l | tr -d ' '
wait -n; echo "first $?"; wait; echo "rest $?"
(trap 'echo term; exit 3' TERM; while :; do sleep 0.05; done) & p=$!
sleep 0.3; kill $p; wait $p; echo "trapped $?"
trap 'echo "child gone"' CHLD; true & wait; trap - CHLD
wait; set -m; sleep 10 & p=$!; kill -STOP $p; sleep 0.3; jobs -s | sed 's/.*Stopped */stopped /'
kill -CONT $p; sleep 0.3; kill $p; sleep 0.3; wait $p 2> /dev/null; echo "job $?"; set +m

echo "-- errors"
trap 'echo "ERR at $?"' ERR; false; trap - ERR
f() { local -r fixed=1; fixed=2; } 2> /dev/null; (f) 2> /dev/null; echo "readonly $?"
g() { echo "${FUNCNAME[0]} ${#FUNCNAME[@]}"; return 4; }; g || echo "g said $?"
timeout 0.2 sleep 5; echo "timeout $?"
exec {fd}> opened; echo "by number" >&$fd; exec {fd}>&-; cat opened
select_one() { select item in first second; do echo "$item"; break; done; }; select_one <<< 2 2> /dev/null
compgen -A function | sort | tr '\n' ' '; echo
time_left=$SECONDS; [[ $time_left -ge 0 && $$ == "$BASHPID" ]] && (( $(echo $BASHPID) != $$ )) && echo ids
rm -f tee.out opened
