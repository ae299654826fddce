#!/usr/bin/env bash
# Put the jobs that have failed five times back on the queue, once their cause is mended.
#
#   infra/aws/redrive.sh [--name benchmark-qa] [--per-second 10] [--show]
#
# Jobs may be delivered twice: what has left its stage is left alone. --show only counts and names what waits.
set -euo pipefail

name=benchmark-qa
per_second=10
show=no
while [ $# -gt 0 ]; do
  case "$1" in
    --name) name=${2:?--name needs a value}; shift 2 ;;
    --per-second) per_second=${2:?--per-second needs a value}; shift 2 ;;
    --show) show=yes; shift ;;
    *) echo "unknown option '$1': --name NAME, --per-second N, --show" >&2; exit 2 ;;
  esac
done
command -v aws >/dev/null || { echo "the command 'aws' (AWS CLI) is not installed" >&2; exit 2; }

dead=$(aws sqs get-queue-url --queue-name "$name-dead" --query QueueUrl --output text)
attribute() { aws sqs get-queue-attributes --queue-url "$dead" --attribute-names "$1" --query "Attributes.$1" --output text; }

waiting=$(attribute ApproximateNumberOfMessages)
echo "$waiting jobs have been given up ($name-dead)"
if [ "$waiting" = 0 ]; then
  exit 0
fi
# Seen for two seconds, then visible again.
aws sqs receive-message --queue-url "$dead" --max-number-of-messages 10 --visibility-timeout 2 \
  --query 'Messages[].Body' --output text | tr '\t' '\n' | cut -c1-200
if [ "$show" = yes ]; then
  exit 0
fi
aws sqs start-message-move-task --source-arn "$(attribute QueueArn)" \
  --max-number-of-messages-per-second "$per_second" --query TaskHandle --output text >/dev/null
echo "they move back to $name-jobs at $per_second a second; the alarm $name-jobs-dead ends by itself"
