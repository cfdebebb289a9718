# What a shell does with processes, signals, arithmetic and redirections. POSIX; silent about ids and times.
LC_ALL=C
export LC_ALL

fail() { echo "FAILED: $*"; exit 1; }

echo "-- arithmetic"
echo $((7 / 2)) $((-7 % 3)) $((1 << 10)) $((0x1f ^ 5)) $((3 > 2 && 2 > 1)) $(((2 + 3) * 4))
i=10; while [ $((i -= 3)) -gt 0 ]; do printf '%d ' "$i"; done; echo
x=5; : $((x += 2)); echo "$x" "$((x == 7 ? 100 : 200))"

echo "-- printf"
printf '%5d|%-5s|%05.1f|%x|%o|%c|%%|%s\n' 42 ab 3.14159 255 8 z 'a b'
printf '%s-%s\n' 1 2 3 4
printf 'a\tb\\n\101\n'

echo "-- parameters"
set -- one 'two three' four
echo $# "$2" "${#2}"; shift; echo "$*"
for word; do echo "<$word>"; done
name=/usr/local/lib/file.tar.gz
echo "${name##*/}" "${name%%.*}" "${name%.gz}" "${name#/*/}"
unset nothing; echo "${nothing:-default}" "${nothing-}" "${name:+set}"
echo "${nothing:=assigned}" "$nothing"

echo "-- set -e"
(set -e; false; echo not reached); echo "status $?"
(set -e; if false; then :; fi; false || true; echo reached); echo "status $?"
(set -u; echo "$undefined_variable") 2> /dev/null || echo "unset is an error"

echo "-- subshells"
value=outer; (value=inner; echo $value); echo $value
value=$(value=captured; echo "$value $(echo nested "$(echo deeper)")"); echo "$value"
echo line | { read -r word; echo "read $word"; }

echo "-- read"
printf 'a:b c:d\nlast line without end' > lines
while IFS=: read -r first second third || [ -n "$first" ]; do
    echo "[$first][$second][$third]"
done < lines
while read -r line; do set -- $line; echo "$# words"; done <<HERE
one two   three

four
HERE

echo "-- redirections"
exec 3> numbers; echo three >&3; echo more >&3; exec 3>&-
cat numbers; (echo gone >&3) 2> /dev/null || echo "closed"
echo over > once; (set -C; echo again > once) 2> /dev/null || cat once
cat < nowhere 2> /dev/null || echo "no such file: $?"
{ echo out; echo err >&2; } > both 2>&1; sort both
exec 4< lines; read -r a <&4; read -r b <&4; echo "$a/$b"; exec 4<&-

echo "-- signals"
trap 'echo "caught USR1"' USR1
kill -USR1 $$; echo "after"
(trap '' INT; kill -INT $(exec sh -c 'echo $PPID'); echo "ignored INT")
(trap 'echo "child leaves"; exit 9' TERM; kill -TERM $(exec sh -c 'echo $PPID'); sleep 1; echo not reached); echo "status $?"
trap - USR1
sh -c 'kill -USR1 $$'; echo "default USR1: $?"
sh -c 'kill -KILL $$'; echo "KILL: $?"
sh -c 'trap "" PIPE; yes 2> /dev/null | head -n 1; echo done'

echo "-- processes"
sleep 5 & pid=$!
kill -0 $pid && echo "alive"
kill $pid; wait $pid; echo "ended with $?"
kill -0 $pid 2> /dev/null || echo "dead"
(sleep 0.1; exit 4) & a=$!; (exit 5) & b=$!
wait $b; echo "b $?"; wait $a; echo "a $?"
wait 99999; echo "stranger $?"
true & true & wait; echo "all done $?"
( (sleep 0.1; echo grandchild > made) & ); n=0
while [ ! -s made ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done; cat made

echo "-- pipes"
false | true; echo "last counts $?"; ! true; echo "turned $?"
seq 1 20000 | wc -l | tr -d ' '
seq 1 100000 | head -n 2
echo a | cat | cat | cat | tr a b
(cd / && pwd); cd "$PWD" && echo "came back"

fifo=/tmp/fifo.$$; mkfifo "$fifo"; (echo over; echo and out) > "$fifo" & cat < "$fifo"; wait; rm "$fifo"
mkfifo line; (sleep 0.1; read -r word < line; echo "heard $word") & echo said > line; wait; rm line

echo "-- functions"
fact() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }
fact 10
early() { return 3; echo never; }; early; echo "returned $?"
shadow() { local x=inside 2> /dev/null || x=inside; echo $x; }; x=outside; shadow

echo "-- commands"
type cd > /dev/null && command -v sh > /dev/null && echo "found"
eval 'echo evaluated $((1 + 1))'; nosuchcommand 2> /dev/null; echo "not found $?"
: > empty; chmod 644 empty; ./empty 2> /dev/null; echo "not executable $?"
test -f lines -a ! -d lines && [ 3 -lt 10 ] && [ abc != abd ] && echo "tests hold"
getopts ab: option -b value && echo "$option $OPTARG"
umask 077; : > private; ls -l private | cut -c1-10
printf 'sourced=yes\n' > lines.inc; . ./lines.inc; echo "$sourced"
trap 'rm -f lines numbers once both made empty private lines.inc; echo "cleaned"' EXIT
