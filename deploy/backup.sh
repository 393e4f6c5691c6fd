#!/bin/sh
# Copies a PostgreSQL record book every night, also while races run; keeps the newest fourteen copies.
# Bring one back with: pg_restore --clean --if-exists --dbname=league FILE
set -eu
while :; do
    name="/backups/league-$(date -u +%Y%m%dT%H%M%SZ).dump"
    if pg_dump --format=custom --file="$name.partial"; then
        mv "$name.partial" "$name"
        echo "kept $name"
    else
        rm -f "$name.partial"
        echo "no backup this time" >&2
    fi
    # The names sort by time.
    for old in $(ls /backups/league-*.dump 2>/dev/null | sort -r | tail -n +15); do rm -f "$old"; done
    sleep 86400 &
    wait $!
done
