#!/bin/sh
# Twenty lines a second, as nginx writes them, on standard output.
export LC_ALL=C
item=0
while sleep 0.2; do
  for status in 200 200 404 500; do
    item=$((item + 1))
    now=$(date +'%d/%b/%Y:%H:%M:%S %z')
    echo "203.0.113.$((item % 250 + 1)) - - [$now] \"GET /item/$item HTTP/1.1\" $status $((item * 37 % 9000)) \"-\" \"curl/8.14.1\""
  done
done
