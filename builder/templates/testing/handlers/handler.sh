#!/bin/bash
# What the contract suite wants of every template, by the path of the call.
opened() { until [ -e "$WORK/$1" ]; do sleep 0.01; done; }
word=${Http_Query#word=}

case $Http_Path in
  /about) printf '%s' "$Http_Method $Http_Path $word $Http_X_Colour" ;;
  /echo) exec cat ;;
  /drop) printf dropped ;;
  /fail)
    echo 'the anchor is missing' >&2
    exit 3
    ;;
  /hang)
    echo $$ >"$WORK/hang.pid"
    sleep 1000
    ;;
  /wait)
    echo waiting >&2
    opened wait
    printf waited
    ;;
  /meet)
    touch "$WORK/at-$word"
    opened at-a && opened at-b && opened at-c
    printf '%s' "$word"
    ;;
  /say)
    printf '%s\n' "$word says one" "$word says two" >&2
    opened say
    echo "$word complains" >&2
    printf said
    ;;
  /stream)
    echo first
    opened stream
    echo second
    ;;
esac
