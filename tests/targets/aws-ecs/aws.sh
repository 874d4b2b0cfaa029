# Stands in for aws in the test of deploy.sh: each region is a file with what was put into service.
at=$here/$AWS_REGION
[ "$2" != export-credentials ] || { echo "export AWS_ACCESS_KEY_ID=of-the-session"; exit; }
[ -n "$AWS_ACCESS_KEY_ID" ] || { echo "the token has expired" >&2; exit 254; }
case "$2" in
  describe-task-definition) printf '{"family": "bob-server", "containerDefinitions": [{"image": "%s"}]}' "$OLD" ;;
  register-task-definition) echo "$*" > "$at"; echo "arn:$AWS_REGION:2" ;;
  describe-services) [ "$AWS_REGION" = "$BROKEN" ] && echo "arn:$AWS_REGION:1" || echo "arn:$AWS_REGION:2" ;;
esac
