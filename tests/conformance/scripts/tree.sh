# A tree of files, made, searched, changed, packed and unpacked with everything a shell script uses for it.
# Needs a POSIX shell and the usual tools; runs in an empty directory. Its output is the same everywhere.
set -u
LC_ALL=C
export LC_ALL

section() { echo "== $1"; }

make_tree() {
    for dir in alpha beta/one beta/two gamma/deep/er; do
        mkdir -p "tree/$dir"
        n=0
        while [ $n -lt 4 ]; do
            seq 1 $((n * 3 + 2)) | awk -v d="$dir" '{ print d, $1, $1 * $1 % 7 }' > "tree/$dir/file$n.txt"
            n=$((n + 1))
        done
    done
    printf 'a,b,c\n1,2,3\n4,5,6\n' > tree/table.csv
    ln -s ../table.csv tree/alpha/link
    cat > tree/notes <<'QUOTED'
$HOME stays as it is, `so` does $(this)
tab	and "quotes" and back\slash
QUOTED
    cat > tree/filled <<-FILLED
	indented $((6 * 7)) $(echo from a command)
	name ${USER_NAME:-nobody}
	FILLED
}

count_words() (
    # a subshell: its variables are its own
    total=0
    for file in "$@"; do
        words=$(wc -w < "$file")
        total=$((total + words))
    done
    echo "$total"
)

trap 'echo "leaving with $?"' EXIT
trap 'echo hangup' HUP

section make
make_tree
find tree | sort
section contents
cat tree/notes tree/filled
cut -d, -f2 tree/table.csv | tr '\n' ' '; echo
section find
find tree -name 'file[13].txt' -size -1k | sort | xargs wc -l | tail -n 1
find tree -type l -o -name '*.csv' | sort
find tree -type f -exec grep -l 'one' {} + | sort
find tree -type f -name '*.txt' -print0 | sort -z | xargs -0 -n 3 echo | head -n 3
section grep
grep -r -c '3' tree/beta | sort
grep -rhoE '[a-z]+ (2|5) [0-9]' tree | sort | uniq -c | sort -rn | head -n 5
grep -q nothing tree/notes || echo "grep found nothing: $?"
section sed
sed -e 's/alpha/ALPHA/g' -e '2,$d' tree/alpha/file2.txt
sed -n '/quotes/{s/"\([a-z]*\)"/<\1>/p;}' tree/notes
sed -i 's/^1,/one,/' tree/table.csv && cat tree/table.csv
section awk
awk -F, 'NR > 1 { sum += $2 + $3; rows[NR] = $0 } END { for (i = 2; i in rows; i++) print i, rows[i]; printf "%.3f\n", sum / 3 }' tree/table.csv
cat tree/*/file3.txt tree/*/*/file3.txt | awk '{ seen[$3]++ } END { for (k in seen) print k, seen[k] }' | sort -n
section sort
seq 1 20 | awk '{ print ($1 * 13) % 20, "x" $1 }' | sort -k1,1n | cut -d' ' -f2 | paste -s -d, -
printf 'b 2\na 10\nc 1\n' | tee copy.tmp | sort -k2 -n; sort -r copy.tmp | head -n 1; rm copy.tmp
section functions
count_words tree/notes tree/filled tree/table.csv
echo "total is ${total-unset}"
section pipes
seq 1 1000 | grep 7 | sed 's/7/seven/' | tail -n 2 | tr 'a-z' 'A-Z'
{ echo one; echo two >&2; } 2>&1 | sort
yes | head -n 3 | wc -l
section tar
tar cf tree.tar tree && tar tf tree.tar | sort | head -n 4
gzip -c tree.tar > tree.tar.gz && gzip -t tree.tar.gz && echo intact
mkdir out && gunzip -c tree.tar.gz | tar xf - -C out
diff -r tree out/tree && echo "the same after tar and gzip"
(cd out/tree && find . -type f | sort | xargs cat | md5sum)
section background
for n in 3 1 2; do
    (sleep 0.$n; echo "job $n" > job.$n) &
done
wait
cat job.1 job.2 job.3
sleep 20 & sleep 0.1; kill -TERM $!; wait $!; echo "killed: $?"
(exit 7) & wait $!; echo "status: $?"
kill -HUP $$
mkfifo queue
(for word in to the queue; do echo "$word"; done > queue) & sed 's/^/got /' < queue; wait
section case
for word in start STOP 42 ''; do
    case $word in
        [a-z]*) echo "$word: lower" ;;
        *[A-Z]*) echo "$word: upper" ;;
        [0-9]*) echo "$word: number" ;;
        *) echo "empty" ;;
    esac
done
section end
rm -r tree out tree.tar tree.tar.gz job.* queue
ls | grep -v -e bin -e '\.sh$' | wc -l | tr -d ' '
exit 3
