#!/bin/sh
# The checks of tools/ find what they are for: each row breaks one rule in a small tree, and the check must say so.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

fresh_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/tools" "$tree/common/base" "$tree/worker" "$tree/cli" "$tree/systemd"
    cp "$top/tools/layers.txt" "$tree/tools"
    cp "$top"/systemd/*.service "$tree/systemd"
    printf '#include <stdio.h>\n#include "common/base/err.h"\n#include <uv.h>\n' > "$tree/worker/good.c"
}

# breaks CHECK MESSAGE FILE LINE: with the line added to the file, the check fails and says MESSAGE.
breaks() {
    fresh_tree
    echo "$4" >> "$tree/$3"
    if said=$("$top/tools/$1" "$tree" 2>&1); then
        echo "FAILED: $1 lets pass in $3: $4"
        failed=1
    elif ! echo "$said" | grep -qF -- "$2"; then
        echo "FAILED: $1 does not say '$2' but: $said"
        failed=1
    fi
}

fresh_tree
for check in check_layers check_style check_units; do
    "$top/tools/$check" "$tree" > /dev/null || failed=1
done

breaks check_layers 'common/base may not include worker/seat.h' common/base/up.c '#include "worker/seat.h"'
breaks check_layers 'cli may not include <libpq-fe.h>' cli/main.c '#include <libpq-fe.h>'
breaks check_layers 'cli may not include <newlib.h>' cli/main.c '  #  include <newlib.h>'
breaks check_layers 'cli/main.c:1: "verb.h" does not start' cli/main.c '#include "verb.h"'
breaks check_layers 'which is not a row above it' tools/layers.txt 'bench worker nowhere'
breaks check_layers '<uv.h> belongs to worker' tools/layers.txt 'bench <uv.h>'
breaks check_style 'SQL text' worker/a.c 'run("SELECT 1 FROM task");'
breaks check_style 'a shell or an unbounded' worker/a.c 'n = sprintf(out, "%d", 1);'
breaks check_style 'use mem_alloc' worker/a.c 'p = malloc(1);'
breaks check_style 'unfinished' worker/a.c "/* TO""DO: later */"
breaks check_style 'a path of one machine' worker/a.c "open(\"/ro""ot/x\");"
breaks check_style 'use P_tmpdir' worker/a.c 'open("/tmp/x");'
breaks check_style 'blanks at the end' worker/a.c 'int a; '
breaks check_units "Unknown key 'Bogus'" systemd/drumbeat-up.service 'Bogus=1'
breaks check_units 'more exposed than' systemd/drumbeat-beat.service '[Service]
NoNewPrivileges=no'
exit $failed
