# Stands in for az in the test of deploy.sh: each region is a file with what was put into service.
region=$(expr "$*" : '.*--resource-group bob-server-\([a-z0-9]*\)') || true
case "$2" in
  update) echo "$*" > "$here/$region" ;;
  show) [ "$region" = "$BROKEN" ] || echo "bob-server--2" ;;
esac
